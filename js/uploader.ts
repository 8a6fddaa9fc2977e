/** An upload that an application steers: files go in, events come out. It decides nothing; the engine does. */
import type { Connection } from './connection.js';
import { UploadError, asUploadError, invalid } from './errors.js';
import { UploaderEventTarget } from './events.js';
import type { Completion } from './events.js';
import { after, before } from './later.js';
import type { FileChange, GroupChange, ToHost, Update } from './messages.js';
import { Rows } from './rows.js';
import { Session } from './session.js';
import { take } from '../src/sources.js';
import { Target } from './targets.js';
import type { Interrupted, Phase, Progress, Source, UploadFile, UploadOptions, UploadResult } from './types.js';

export interface UploaderOptions extends UploadOptions {
  /** Where files go: `cloudindex({ … })`. */
  target: Target;
  /** `false`: files wait for `start()`. Default: adding files starts the upload. */
  autoStart?: boolean;
}

/** One file or some, by themselves or by their ids. */
export type Files = number | UploadFile | Iterable<number | UploadFile>;

const NOTHING: Progress = { total: 0, completed: 0, failed: 0, cancelled: 0, bytes: 0, sentBytes: 0, totalBytes: 0, bytesPerSecond: 0, percent: 0, basis: 'files' };

export class Uploader extends UploaderEventTarget {
  readonly #target: Target;
  readonly #options: UploadOptions;
  readonly #rows = new Rows();
  #session: Promise<Session> | undefined;
  #opensAll = false;
  /** The engine starts paused: `autoStart: false` or `pause()` came before the first file. */
  #startPaused: boolean;
  #phase: Phase = 'idle';
  #progress: Progress = NOTHING;
  #batchId: string | undefined;
  /** Of the server's events, while the batch is followed. */
  #hearing: AbortController | undefined;

  constructor(options: UploaderOptions) {
    super();
    const { target, autoStart = true, ...rest } = options;
    const { metadata } = rest;
    if (!(target instanceof Target)) throw invalid('invalid_option', 'The option "target" says where files go: cloudindex({ apiKey, … }).');
    if (typeof autoStart !== 'boolean') throw invalid('invalid_option', 'The option "autoStart" must be true or false.');
    if (metadata !== undefined && typeof metadata !== 'function') {
      throw invalid('invalid_option', 'The option "metadata" must be a function: (file) => object. A batch has its own: batch.metadata.');
    }
    this.#target = target;
    this.#options = rest;
    this.#startPaused = !autoStart;
  }

  /** How the whole upload stands. */
  get phase(): Phase {
    return this.#phase;
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** The batch that is filled, as soon as there is one. */
  get batchId(): string | undefined {
    return this.#batchId;
  }

  /** @internal Files that the journal knows are opened too, for listeners that are given them. */
  openAll(): void {
    this.#opensAll = true;
  }

  /** @internal For calls of the API to where the files go. */
  get connection(): Connection {
    return this.#target.connection;
  }

  /** @internal The files as columns, for a view that sorts and filters all of them and makes no object for each. */
  get rows(): Rows {
    return this.#rows;
  }

  /** How many files were found so far. */
  get length(): number {
    return this.#rows.length;
  }

  /** How a file stands; ids count from 0 in the order files were found. */
  file(id: number): UploadFile | undefined {
    return id >= 0 && id < this.#rows.length ? this.#rows.snapshot(id) : undefined;
  }

  /** One per file, in the order they were found; made for this call. */
  results(): UploadResult[] {
    return this.#rows.results();
  }

  /**
   * Adds files. What a drop, paste or input offers is taken before this returns. Resolves when the source is walked to its
   * end, which under back-pressure may be long after its first files have arrived.
   */
  async add(source: Source): Promise<void> {
    const taken = take(source);
    // Why there is no session, the event `error` tells.
    const session = await this.#open().catch(() => undefined);
    await session?.add(taken);
  }

  /** Starts what `autoStart: false` held back. */
  start(): void {
    this.resume();
  }

  /** Holds the whole upload, or these files alone: the others go on. */
  pause(files?: Files): void {
    if (files !== undefined) return this.#send({ t: 'pause', ids: ids(files) });
    this.#startPaused = true;
    this.#send({ t: 'pause' });
  }

  /** Goes on with everything, or with these files of those that were paused one by one. */
  resume(files?: Files): void {
    if (files !== undefined) return this.#send({ t: 'resume', ids: ids(files) });
    this.#startPaused = false;
    this.#send({ t: 'resume' });
  }

  /** Stops for good: what is not on the server ends as cancelled. */
  cancel(): void {
    this.#send({ t: 'cancel' });
  }

  /** Tries failed files again: the named ones, or all that are worth it. */
  retry(files?: Files): void {
    this.#send({ t: 'retry', ids: files === undefined ? [] : ids(files) });
  }

  /** Takes files out that are not on the server yet. */
  remove(files: Files): void {
    this.#send({ t: 'remove', ids: ids(files) });
  }

  /**
   * What an earlier page left unfinished in the journal of the option `resume`; nothing if there is no such option, no such
   * upload, or no storage in this browser. Rejects with an UploadError: `invalid_option`, `wasm_unavailable`.
   */
  async interrupted(): Promise<Interrupted | undefined> {
    const { resume } = this.#options;
    // Most pages want no journal, and need not load what reads it.
    if (resume === undefined || resume === false) return undefined;
    const found = await (await before()).left(this.#target.connection, resume);
    if (!found) return undefined;
    const { roots, since, ...rest } = found;
    return { ...rest, since: new Date(since).toISOString(), canContinue: roots.length > 0 };
  }

  /**
   * Goes on with what an earlier page left, without it being dropped again. Call it in a click: the browser may ask the user
   * whether this page may read the files again. Resolves to true when they are being added; to false when none were kept or
   * the user said no, and they must be added again by hand, which goes on as well. Rejects as `interrupted` does.
   */
  async continue(): Promise<boolean> {
    const { allowed, left } = await before();
    const found = await left(this.#target.connection, this.#options.resume);
    const roots = await allowed(found?.roots ?? []);
    if (roots.length > 0) void this.add(roots as Iterable<FileSystemHandle>);
    return roots.length > 0;
  }

  /**
   * Forgets what an earlier page left: the next files go to a batch of their own. (What arrived stays on the server, and is not
   * sent again.) Resolves when it is forgotten; while another upload has the journal, that is when it lets go. Rejects with an
   * UploadError where no upload can start: `invalid_option`, `wasm_unavailable`, `unauthorized`.
   */
  async discard(): Promise<void> {
    const { resume } = this.#options;
    if (resume === undefined || resume === false) return;
    await (await this.#open()).discard();
  }

  /** Ends the worker and frees memory. What is under way stops; files and results can still be asked for. */
  close(): void {
    this.#hearing?.abort();
    void this.#session?.then((session) => session.close(), () => undefined);
    this.#session = undefined;
  }

  #open(): Promise<Session> {
    if (this.#session) return this.#session;
    const { metadata, groupBy, resume } = this.#options;
    const opening = Session.upload(this.#target.connection, { ...this.#options, ...this.#target.words }, {
      found: (first, files, paths) => this.#found(first, files, paths),
      opened: (row, file) => this.#rows.opened(row, file),
      metadata,
      groupBy: typeof groupBy === 'function' ? groupBy : undefined,
      roots: Boolean(resume),
      opensAll: this.#opensAll || this.hears('batchstart'),
    }, {
      update: (update) => this.#update(update),
      broken: (error) => this.#fail(error),
    }).then((session) => {
      if (this.#startPaused) session.send({ t: 'pause' });
      return session;
    });
    opening.catch((thrown: unknown) => this.#fail(asUploadError(thrown)));
    this.#session = opening;
    return opening;
  }

  #send(message: ToHost): void {
    void this.#session?.then((session) => session.send(message), () => undefined);
  }

  #fail(error: UploadError): void {
    this.#hearing?.abort();
    this.#session = undefined;
    if (this.hears('error')) this.tell('error', error);
  }

  get #followed(): string | undefined {
    return this.#phase === 'following' ? this.#batchId : undefined;
  }

  async #hear(): Promise<void> {
    this.#hearing?.abort();
    const batchId = this.#followed;
    if (!batchId) return;
    const { signal } = this.#hearing = new AbortController();
    try {
      const { hear } = await after();
      for await (const status of hear(this.connection, batchId, signal)) this.#send({ t: 'status', text: JSON.stringify(status) });
    } catch {
      // The engine asks.
    }
  }

  #found(first: number, files: (File | null)[], paths: string[]): void {
    this.#rows.append(first, files, paths);
    if (!this.hears('fileadded')) return;
    for (let i = 0; i < paths.length; i++) this.tell('fileadded', this.#rows.snapshot(first + i));
  }

  /** First everything is taken over, then it is told: a listener never sees half an update. */
  #update(update: Update): void {
    const before = this.#phase;
    const followed = this.#followed;
    this.#phase = update.phase;
    this.#progress = update.progress;
    if (update.batchId !== undefined) this.#batchId = update.batchId;
    if (followed !== this.#followed) void this.#hear();
    let settled = false;
    const changes: [FileChange, 'moved' | 'settled'][] = [];
    for (const change of update.files) {
      const how = this.#rows.apply(change);
      if (how === 'same') continue;
      settled ||= how === 'settled';
      changes.push([change, how]);
    }

    this.#tellGroups(update.groups, 'started');
    for (const [change, how] of changes) this.#tellFile(change, how);
    this.#tellGroups(update.groups, 'completed');
    if (this.hears('progress')) this.tell('progress', update.progress);
    if (update.status !== undefined && this.hears('status')) this.tell('status', JSON.parse(update.status));

    const reason = update.reason && new UploadError(update.reason);
    const phase = update.phase;
    if (phase === 'stalled' && before !== 'stalled' && this.hears('stalled')) this.tell('stalled', reason ? { reason } : {});
    if ((phase === 'complete' || phase === 'cancelled') && (before !== phase || settled)) this.#complete(phase === 'cancelled', reason);
  }

  #tellFile(change: FileChange, how: 'moved' | 'settled'): void {
    const { id } = change;
    const stored = change.state === 'committed' || change.state === 'duplicate';
    if ((how === 'moved' || stored) && this.hears('fileprogress')) this.tell('fileprogress', this.#rows.snapshot(id));
    if (how === 'moved') return;
    const type = stored ? 'filecomplete' : SETTLED[change.state];
    if (type && this.hears(type)) this.tell(type, this.#rows.snapshot(id));
  }

  #tellGroups(groups: GroupChange[], change: GroupChange['change']): void {
    const type = change === 'started' ? 'batchstart' : 'batchcomplete';
    if (groups.length === 0 || !this.hears(type)) return;
    for (const group of groups) {
      if (group.change !== change) continue;
      if (change === 'started') {
        const files = group.files.map((id) => this.#rows.file(id)).filter((file) => file !== null);
        this.tell('batchstart', { batchNumber: group.number, files });
      } else {
        this.tell('batchcomplete', { batchNumber: group.number, results: group.files.map((id) => this.#rows.result(id)) });
      }
    }
  }

  #complete(cancelled: boolean, reason: UploadError | undefined): void {
    if (!this.hears('complete')) return;
    const rows = this.#rows;
    const detail: Completion = {
      cancelled,
      progress: this.#progress,
      ...(reason ? { reason } : {}),
      get results() { return rows.results(); },
    };
    this.tell('complete', detail);
  }
}

const SETTLED: Partial<Record<FileChange['state'], 'fileerror' | 'filerejected' | 'fileremoved'>> = {
  failed: 'fileerror',
  rejected: 'filerejected',
  cancelled: 'fileremoved',
};

function ids(files: Files): number[] {
  if (typeof files === 'number') return [files];
  if (Symbol.iterator in files) return Array.from(files, (file) => (typeof file === 'number' ? file : file.id));
  return [files.id];
}
