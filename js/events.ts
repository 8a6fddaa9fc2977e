/** The events of an upload: an EventTarget that makes no object nobody listens for, and an async iterable of the same events. */
import type { UploadError } from './errors.js';
import type { BatchStatus, Progress, UploadFile, UploadResult } from './types.js';

/** Each event's `detail`. */
export interface UploaderEvents {
  /** A file was found. */
  fileadded: UploadFile;
  /** A file is refused before a byte of it was sent; `error` says why. */
  filerejected: UploadFile;
  /** A group of files starts; numbers count from 1. */
  batchstart: { batchNumber: number; files: File[] };
  /** A file's percent or state is new. */
  fileprogress: UploadFile;
  /** The server holds the file (`committed` or `duplicate`). */
  filecomplete: UploadFile;
  /** The file failed; `error` says why. */
  fileerror: UploadFile;
  /** The file was taken out, by `remove` or `cancel`. */
  fileremoved: UploadFile;
  batchcomplete: { batchNumber: number; results: UploadResult[] };
  /** At most once a frame. */
  progress: Progress;
  /** No network or no answer; it goes on by itself. */
  stalled: { reason?: UploadError };
  /** The batch's status on the server (`tracking.enabled`). */
  status: BatchStatus;
  /** The upload as a whole can't go on: a wrong option, no wasm, a broken engine. */
  error: UploadError;
  /** Every file is in a final state. `reason`: why the upload as a whole stopped early, if it did. */
  complete: Completion;
}

export interface Completion {
  cancelled: boolean;
  progress: Progress;
  reason?: UploadError;
  /** One per file, in the order they were found. */
  readonly results: UploadResult[];
}

/** An event of an uploader; `type` tells what `detail` is. */
export type UploaderEvent = { [K in keyof UploaderEvents]: CustomEvent<UploaderEvents[K]> & { readonly type: K } }[keyof UploaderEvents];

type Handler<K extends keyof UploaderEvents> = ((event: CustomEvent<UploaderEvents[K]>) => void) | null;

/** The base of Uploader. */
export class UploaderEventTarget extends EventTarget {
  /** Types that somebody once listened for. */
  readonly #heard = new Set<string>();
  readonly #streams = new Set<Stream>();

  override addEventListener<K extends keyof UploaderEvents>(type: K, listener: Handler<K>, options?: boolean | AddEventListenerOptions): void;
  override addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  override addEventListener(type: string, listener: unknown, options?: boolean | AddEventListenerOptions): void {
    this.#heard.add(type);
    super.addEventListener(type, listener as EventListener, options);
  }

  override removeEventListener<K extends keyof UploaderEvents>(type: K, listener: Handler<K>, options?: boolean | EventListenerOptions): void;
  override removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
  override removeEventListener(type: string, listener: unknown, options?: boolean | EventListenerOptions): void {
    super.removeEventListener(type, listener as EventListener, options);
  }

  /** The events from now on; ends after `complete` or `error`. Newer progress replaces older that nobody has taken yet. */
  [Symbol.asyncIterator](): AsyncIterableIterator<UploaderEvent> {
    const stream = new Stream(() => this.#streams.delete(stream));
    this.#streams.add(stream);
    return stream;
  }

  /** @internal Would anybody see an event of this type? */
  protected hears(type: keyof UploaderEvents): boolean {
    return this.#streams.size > 0 || this.#heard.has(type);
  }

  /** @internal Call only if {@link hears}. */
  protected tell<K extends keyof UploaderEvents>(type: K, detail: UploaderEvents[K]): void {
    const event = new CustomEvent(type, { detail });
    this.dispatchEvent(event);
    for (const stream of this.#streams) stream.push(event as UploaderEvent);
  }
}

/** A queue between the uploader and one `for await`. */
class Stream implements AsyncIterableIterator<UploaderEvent> {
  #queue: UploaderEvent[] = [];
  #head = 0;
  #waiting: ((result: IteratorResult<UploaderEvent>) => void)[] = [];
  #ended = false;
  readonly #left: () => void;

  constructor(left: () => void) {
    this.#left = left;
  }

  push(event: UploaderEvent): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting({ done: false, value: event });
    else if (event.type === 'progress' && this.#head < this.#queue.length && this.#queue.at(-1)?.type === 'progress') {
      this.#queue[this.#queue.length - 1] = event;
    } else this.#queue.push(event);
    if (event.type === 'complete' || event.type === 'error') this.#end();
  }

  async next(): Promise<IteratorResult<UploaderEvent>> {
    const value = this.#queue[this.#head];
    if (value) {
      this.#head++;
      if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
        this.#queue = this.#queue.slice(this.#head);
        this.#head = 0;
      }
      return { done: false, value };
    }
    if (this.#ended) return { done: true, value: undefined };
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async return(): Promise<IteratorResult<UploaderEvent>> {
    this.#queue = [];
    this.#head = 0;
    this.#end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  #end(): void {
    this.#ended = true;
    this.#left();
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined });
  }
}
