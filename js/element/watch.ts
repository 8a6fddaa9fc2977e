/** An upload as a view sees it: the uploader's own figures, and what of its events is worth remembering. */
import type { Completion } from '../events.js';
import type { UploadError } from '../errors.js';
import type { Interrupted, Phase, Progress, UploadFile } from '../types.js';
import type { Uploader } from '../uploader.js';
import { History } from './chart.js';
import { Processed } from './processed.js';
import { inSlices } from './slices.js';
import type { ShownStatus } from './strings.js';

/** What is to be told about the upload as a whole. */
export type Notice =
  | { is: 'none' }
  | { is: 'stalled'; reason: UploadError | undefined }
  | { is: 'failed'; error: UploadError }
  | { is: 'over'; end: End; seconds: number | undefined; missing: number };

/** How the upload ended, whatever the server still does with it. */
export type End = Omit<Completion, 'results'>;

export type ShownFile = Omit<UploadFile, 'status'> & { status: ShownStatus };

/** What a list of failures tells of one. */
export type Failed = Pick<ShownFile, 'path' | 'size' | 'status' | 'error'>;

/** A reason that files failed for: one of those errors, and how many there are. */
export interface Cause {
  error: UploadError;
  count: number;
}

/** How far it came: nothing was added, something was, it ran, it can't go on. */
export type Stage = 'empty' | 'added' | 'ran' | 'broken';

const NOTHING: Progress = { total: 0, completed: 0, failed: 0, cancelled: 0, bytes: 0, sentBytes: 0, totalBytes: 0, bytesPerSecond: 0, percent: 0, basis: 'files' };

export class Watch {
  notice: Notice = { is: 'none' };
  history = new History();
  processed = new Processed();
  /** Why files failed, the most frequent reason first; known when the upload is over. */
  causes: Cause[] = [];
  /** What an earlier page left, and this upload goes on with. */
  before: Interrupted | undefined;
  readonly #changed: (what: 'moved' | 'told') => void;
  #uploader: Uploader | undefined;
  #stage: Stage = 'empty';
  /** Undefined after a retry: then nobody cares how long it took. */
  #startedAt: number | undefined;
  /** When the last file was at rest. */
  #arrivedAt: number | undefined;
  /** Ends with the interest in this upload. */
  #interest = new AbortController();

  /** `changed` is called when there is something new to paint: figures that moved, or something that a person is to be told. */
  constructor(changed: (what: 'moved' | 'told') => void) {
    this.#changed = changed;
  }

  /** That of the uploader, but for documents that are still being processed, or once more. */
  get phase(): Phase {
    const phase = this.#uploader?.phase ?? 'idle';
    return phase === 'complete' && this.processed.state === 'under way' ? 'following' : phase;
  }

  get progress(): Progress {
    return this.#uploader?.progress ?? NOTHING;
  }

  get stage(): Stage {
    return this.#stage === 'empty' && (this.#uploader?.length ?? 0) > 0 ? 'added' : this.#stage;
  }

  /** Every file is in a final state, as far as the upload goes. */
  get over(): boolean {
    return ['following', 'complete', 'cancelled'].includes(this.phase);
  }

  of(uploader: Uploader | undefined): void {
    this.leave();
    this.#uploader = uploader;
    this.notice = { is: 'none' };
    this.history = new History();
    this.processed = new Processed();
    this.causes = [];
    this.before = undefined;
    this.#stage = uploader && uploader.phase !== 'idle' ? 'ran' : 'empty';
    this.#startedAt = undefined;
  }

  /** Nobody looks any more, or at something else. */
  leave(): void {
    this.#interest.abort();
    this.#interest = new AbortController();
    this.processed.close();
  }

  follow(uploader: Uploader, signal: AbortSignal): void {
    const how = { signal };
    uploader.addEventListener('progress', ({ detail }) => {
      if (uploader.phase === 'running') {
        this.history.add(detail.bytesPerSecond, performance.now());
        this.#startedAt ??= this.#stage === 'ran' ? undefined : performance.now();
        this.#arrivedAt = undefined;
        // What is known of the batch will change.
        if (this.processed.state !== 'unknown') this.processed = new Processed();
        // An engine that is to wait may run for a moment before it hears so.
        if (detail.percent > 0) this.#stage = 'ran';
        if (this.notice.is === 'stalled') this.notice = { is: 'none' };
      } else if (uploader.phase === 'paused' && detail.sentBytes > 0) {
        this.#stage = 'ran'; // All that is left was paused, file by file.
      } else if (uploader.phase === 'paused' && this.#stage !== 'ran') {
        this.#startedAt = undefined; // It has yet to be started.
      } else if (uploader.phase === 'following' && this.processed.state === 'unknown') {
        this.processed.begin();
        this.#ended({ cancelled: false, progress: detail });
      }
      this.#changed('moved');
    }, how);
    uploader.addEventListener('stalled', ({ detail }) => this.tell({ is: 'stalled', reason: detail.reason }), how);
    uploader.addEventListener('status', ({ detail }) => {
      const before = this.processed.status?.notice;
      this.processed.hear(detail);
      this.#changed(before === detail.notice ? 'moved' : 'told');
    }, how);
    uploader.addEventListener('error', ({ detail }) => {
      this.#stage = 'broken';
      this.tell({ is: 'failed', error: detail });
    }, how);
    uploader.addEventListener('complete', ({ detail }) => {
      const { cancelled, reason, progress: { completed, failed } } = detail;
      const follows = this.processed.state === 'under way';
      if (cancelled) this.#ended(detail);
      // The reason is none of a file's, so it is why the server's word did not come.
      else if (reason && (follows || (failed === 0 && completed > 0))) this.#settled(uploader, detail, this.processed.lose(reason));
      else if (follows) this.#settled(uploader, detail, this.processed.end(uploader));
      else this.#ended(detail);
    }, how);
  }

  /** Files are on their way in. */
  added(): void {
    this.#startedAt ??= performance.now();
    if (this.#stage === 'empty') this.#stage = 'added';
    if (this.notice.is === 'failed') this.notice = { is: 'none' };
    this.#changed('moved');
  }

  /** Tries these files again, or all that failed: the upload of some, the processing of others. */
  retry(ids?: Uint32Array): void {
    const { notice, processed } = this;
    const uploader = this.#uploader;
    if (!uploader) return;
    this.#startedAt = undefined;
    this.causes = [];
    this.notice = { is: 'none' };
    const failed = ids?.filter((id) => !processed.failures.has(id));
    const unprocessed = ids?.filter((id) => processed.failures.has(id));
    const uploads = (failed?.length ?? this.progress.failed) > 0;
    if (uploads) uploader.retry(failed);
    if (notice.is === 'over' && (unprocessed?.length ?? (processed.state === 'lost' || processed.retryable))) {
      const work = processed.again(uploader, unprocessed, this.#interest.signal);
      this.#settled(uploader, notice.end, work);
      // All is as it was when they had arrived.
      if (!uploads) return this.tell({ is: 'over', end: notice.end, seconds: undefined, missing: 0 });
    }
    this.#changed('moved');
  }

  tell(notice: Notice): void {
    this.notice = notice;
    this.#changed('told');
  }

  /** When what the server does with it has come to its end, that is told too. */
  async #settled(uploader: Uploader, end: End, work: Promise<void> | void): Promise<void> {
    const { processed } = this;
    await work;
    if (this.processed === processed && processed.state !== 'under way' && uploader.phase === 'complete') this.#ended(end);
  }

  #ended(end: End): void {
    this.#arrivedAt ??= performance.now();
    const seconds = this.#startedAt === undefined ? undefined : (this.#arrivedAt - this.#startedAt) / 1000;
    const missing = end.cancelled ? 0 : Math.max(0, (this.before?.total ?? 0) - end.progress.total);
    this.causes = [];
    this.tell({ is: 'over', end, seconds, missing });
    if (end.progress.failed + this.processed.failed > 0) this.#findCauses();
  }

  #findCauses(): void {
    const causes = new Map<string, Cause>();
    const failures = this.failures();
    const count = function* () {
      for (const { error } of failures) {
        yield;
        if (!error) continue;
        const cause = causes.get(error.code) ?? { error, count: 0 };
        cause.count++;
        causes.set(error.code, cause);
      }
    };
    const stop = inSlices(count(), () => {
      this.causes = [...causes.values()].sort((a, b) => b.count - a.count);
      this.#changed('moved');
    });
    this.#interest.signal.addEventListener('abort', stop);
  }

  /** A file as it is shown. */
  file(id: number): ShownFile | undefined {
    const file = this.#uploader?.file(id);
    const error = this.processed.failures.get(id);
    return file && error ? { ...file, status: 'unprocessed', error } : file;
  }

  /** Those that failed or were refused, as they are asked for; and what else of the batch could not be processed. */
  *failures(): Generator<Failed> {
    const uploader = this.#uploader;
    for (let id = 0; id < (uploader?.length ?? 0); id++) {
      const status = this.processed.failures.has(id) ? 'failed' : uploader?.rows.status(id);
      const file = status === 'failed' || status === 'rejected' ? this.file(id) : undefined;
      if (file) yield file;
    }
    for (const error of this.processed.others) yield { path: error.path ?? '', status: 'unprocessed', error };
  }
}
