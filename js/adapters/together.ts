/** Files that come one by one and go up together: what the adapters of Uppy and FilePond share. */
import { Calls } from '../calls.js';
import type { UploadError } from '../errors.js';
import type { UploadFile } from '../types.js';
import { Uploader } from '../uploader.js';
import type { UploaderOptions } from '../uploader.js';
import { Feed } from './feed.js';
import { another, pathOf } from './named.js';

/** What an adapter lets the application choose. */
export type TogetherOptions = Omit<UploaderOptions, 'autoStart' | 'metadata'>;

/** How an adapter is told, and what it knows. */
export interface TogetherHooks {
  /** ms without a file under way after which nothing more is expected, and the batch is over. */
  quiet: number;
  /** No network or no answer; these files wait. */
  stalled?(reason: UploadError | undefined, tickets: Ticket[]): void;
}

/** What is told of a file. */
export interface Listener {
  /** Its percent or state is new. */
  progress(file: UploadFile): void;
  /** The server holds it. */
  done(file: UploadFile): void;
  /** It may be tried again. */
  failed(error: UploadError): void;
}

/** A file on its way. */
export interface Ticket {
  readonly file: File;
  readonly metadata: Record<string, unknown> | undefined;
  readonly listener: Listener;
  state: 'going' | 'held' | 'failed' | 'done' | 'removed';
  /** The engine will never take it. */
  refusal?: UploadError;
  /** Its row in the upload, as soon as it has one. */
  row?: number;
}

/** Tickets of each state. */
const NONE: Record<Ticket['state'], number> = { going: 0, held: 0, failed: 0, done: 0, removed: 0 };

/** One upload at a time: it takes all files that come while it lasts. */
export class Together {
  #options: TogetherOptions;
  readonly #hooks: TogetherHooks;
  #uploader: Uploader | undefined;
  #calls: Calls | undefined;
  /** Open as long as files may come: an upload is not over before. */
  #feed: Feed | undefined;
  #tickets = new Map<File, Ticket>();
  #counts = { ...NONE };
  /** Paths of what arrived: a batch holds each once. */
  #stored = new Set<string>();
  /** Files whose path has arrived already: they are for the next upload. */
  readonly #later = new Set<Ticket>();
  #run: 'running' | 'paused' = 'running';
  #quiet: ReturnType<typeof setTimeout> | undefined;

  /** Throws an UploadError when an option is wrong. */
  constructor(options: TogetherOptions, hooks: TogetherHooks) {
    this.#options = options;
    this.#hooks = hooks;
    this.#uploader = this.#open();
  }

  /** The batch that is filled. */
  get batchId(): string | undefined {
    return this.#uploader?.batchId;
  }

  /** Other options, for the upload that begins when nothing is under way. Throws an UploadError when one is wrong. */
  change(options: TogetherOptions): void {
    const next = this.#open(options);
    this.#options = options;
    this.#calls = undefined;
    const { going, held } = this.#counts;
    if (going + held > 0) return;
    this.#retire();
    this.#uploader = next;
  }

  add(file: File, listener: Listener, metadata?: Record<string, unknown>): Ticket {
    // A file is known by its object: one that is here already comes as another.
    const own = this.#tickets.has(file) ? another(file) : file;
    const ticket: Ticket = { file: own, metadata, listener, state: 'removed' };
    this.#send(ticket);
    return ticket;
  }

  /** Tries a file again that failed. */
  retry(ticket: Ticket): void {
    if (ticket.state !== 'failed') return;
    if (ticket.refusal) return ticket.listener.failed(ticket.refusal);
    if (!this.#knows(ticket)) return this.#send(ticket); // Its upload broke down.
    this.#letGo(ticket);
    this.#turn(ticket, 'going');
    if (ticket.row !== undefined) this.#uploader?.retry(ticket.row);
  }

  /** Takes a file out for a while; its upload waits for it. */
  hold(ticket: Ticket): void {
    if (ticket.state !== 'going') return;
    this.#turn(ticket, 'held');
    this.#takeOut(ticket);
  }

  /** Lets a file go on. Where all were paused, the others then wait one by one. */
  resume(ticket: Ticket): void {
    this.#letGo(ticket);
    if (ticket.state !== 'held') return;
    this.#turn(ticket, 'going');
    if (ticket.row !== undefined) this.#uploader?.retry(ticket.row);
  }

  /** Takes a file out for good. */
  remove(ticket: Ticket): void {
    if (ticket.state === 'done') return;
    this.#later.delete(ticket);
    this.#turn(ticket, 'removed');
    this.#takeOut(ticket);
  }

  pauseAll(): void {
    if (this.#counts.going === 0) return;
    this.#run = 'paused';
    this.#uploader?.pause();
  }

  resumeAll(): void {
    this.#letGo();
    for (const ticket of [...this.#tickets.values(), ...this.#later]) this.resume(ticket);
  }

  /** Takes a document away that is on the server. Rejects with an UploadError. */
  async discard(documentId: string | undefined): Promise<void> {
    this.#calls ??= new Calls(this.#options.target.connection);
    await this.#calls.call('DELETE', `/v1/documents/${encodeURIComponent(documentId ?? '')}`);
  }

  /** Stops for good; what comes next goes to another batch. */
  cancel(): void {
    const { going, held, failed } = this.#counts;
    if (going + held + failed === 0) return this.#retire(); // All arrived: their batch is no cancelled one.
    this.#later.clear();
    const uploader = this.#leave();
    uploader?.addEventListener('complete', () => uploader.close());
    uploader?.cancel();
  }

  /** Ends the workers; what is under way stops. */
  close(): void {
    this.#later.clear();
    this.#leave()?.close();
  }

  #send(ticket: Ticket): void {
    this.#letGo(ticket);
    const { going, held, done } = this.#counts;
    // An upload of which nothing came through may have no batch, and then gets none: an API key that is refused, no such batch.
    if (going + held + done === 0 && this.#tickets.size > 0) this.close();
    if (this.#stored.has(pathOf(ticket.file))) {
      if (going + held > 0) {
        ticket.state = 'going';
        this.#later.add(ticket);
        return;
      }
      this.#retire();
    }
    delete ticket.row;
    ticket.state = 'removed';
    this.#tickets.set(ticket.file, ticket);
    this.#counts.removed++;
    this.#uploader ??= this.#open();
    if (!this.#feed) {
      this.#feed = new Feed();
      this.#uploader.add(this.#feed).catch(() => undefined); // Why an upload can't go on, its event `error` tells.
    }
    this.#turn(ticket, 'going');
    this.#feed.push(ticket.file);
  }

  /** Nothing is paused as a whole any more; but for one file, what is under way is now held by itself. */
  #letGo(one?: Ticket): void {
    if (this.#run === 'running') return;
    this.#run = 'running';
    if (one) for (const ticket of this.#tickets.values()) if (ticket !== one) this.hold(ticket);
    this.#uploader?.resume();
  }

  #takeOut(ticket: Ticket): void {
    if (ticket.row !== undefined && this.#knows(ticket)) this.#uploader?.remove(ticket.row);
  }

  #knows(ticket: Ticket): boolean {
    return this.#tickets.get(ticket.file) === ticket;
  }

  #open(options = this.#options): Uploader {
    const metadata = (file: File) => this.#tickets.get(file)?.metadata;
    const uploader = new Uploader({ ...options, metadata });
    const hear = (type: 'fileprogress' | 'filecomplete' | 'fileerror' | 'filerejected', tell: (ticket: Ticket, file: UploadFile) => void) => {
      uploader.addEventListener(type, ({ detail }) => {
        const ticket = detail.file && uploader === this.#uploader ? this.#tickets.get(detail.file) : undefined;
        if (ticket) tell(ticket, detail);
      });
    };
    uploader.addEventListener('fileadded', ({ detail }) => {
      const ticket = detail.file && this.#tickets.get(detail.file);
      if (!ticket || uploader !== this.#uploader) return;
      ticket.row = detail.id;
      if (ticket.state !== 'going') this.#takeOut(ticket);
    });
    hear('fileprogress', (ticket, file) => {
      if (ticket.state === 'going') ticket.listener.progress(file);
      else if (isUnderWay(file)) this.#takeOut(ticket); // The engine was told before it knew the file.
    });
    hear('filecomplete', (ticket, file) => {
      this.#stored.add(pathOf(ticket.file));
      // It was on the server before the engine heard that it is not wanted.
      if (ticket.state === 'removed') return void this.discard(file.documentId).catch(() => undefined);
      this.#turn(ticket, 'done');
      ticket.listener.done(file);
    });
    for (const type of ['fileerror', 'filerejected'] as const) {
      hear(type, (ticket, { error }) => {
        if (ticket.state === 'removed') return;
        if (error && type === 'filerejected') ticket.refusal = error;
        this.#fail(ticket, error as UploadError);
      });
    }
    uploader.addEventListener('stalled', ({ detail }) => {
      this.#hooks.stalled?.(detail.reason, [...this.#tickets.values()].filter(({ state }) => state === 'going'));
    });
    uploader.addEventListener('error', ({ detail }) => {
      if (uploader !== this.#uploader) return;
      const tickets = [...this.#tickets.values(), ...this.#later];
      this.#later.clear();
      this.#leave();
      for (const ticket of tickets) if (ticket.state === 'going' || ticket.state === 'held') this.#fail(ticket, detail);
    });
    uploader.addEventListener('complete', () => {
      if (uploader !== this.#uploader || this.#feed) return;
      this.#closeIfDone();
    });
    return uploader;
  }

  #fail(ticket: Ticket, error: UploadError): void {
    this.#turn(ticket, 'failed');
    ticket.listener.failed(error);
  }

  #turn(ticket: Ticket, state: Ticket['state']): void {
    if (this.#knows(ticket)) {
      this.#counts[ticket.state]--;
      this.#counts[state]++;
    }
    ticket.state = state;
    clearTimeout(this.#quiet);
    if (this.#counts.going + this.#counts.held > 0) return;
    // Never at once: those who hear of the last file may ask for its batch.
    this.#quiet = setTimeout(() => this.#end(), this.#later.size > 0 ? 0 : this.#hooks.quiet);
  }

  /** Nothing was under way for a while: nothing more will come. */
  #end(): void {
    this.#letGo();
    if (this.#later.size > 0) return this.#sendLater();
    this.#feed?.end();
    this.#feed = undefined;
    if (this.#uploader?.phase === 'complete') this.#closeIfDone();
  }

  #sendLater(): void {
    const tickets = [...this.#later];
    this.#later.clear();
    this.#retire();
    for (const ticket of tickets) {
      const isHeld = ticket.state === 'held';
      this.#send(ticket);
      if (isHeld) this.hold(ticket);
    }
  }

  /** No file goes to this upload any more; it ends by itself. */
  #retire(): void {
    const uploader = this.#leave();
    if (uploader?.phase === 'complete') uploader.close();
    else uploader?.addEventListener('complete', () => uploader.close());
  }

  /** Files that failed may be tried again, in the batch of the others. */
  #closeIfDone(): void {
    const { going, held, failed } = this.#counts;
    if (going + held + failed === 0) this.close();
  }

  /** Forgets the upload and its files. */
  #leave(): Uploader | undefined {
    const uploader = this.#uploader;
    clearTimeout(this.#quiet);
    this.#feed?.end();
    this.#feed = undefined;
    this.#uploader = undefined;
    this.#tickets = new Map();
    this.#stored = new Set();
    this.#counts = { ...NONE };
    this.#run = 'running';
    return uploader;
  }
}

function isUnderWay({ status }: UploadFile): boolean {
  return status === 'waiting' || status === 'reading' || status === 'sending';
}
