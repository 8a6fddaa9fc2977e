/** An upload as a view sees it: the uploader's own figures, and what of its events is worth remembering. */
import type { Completion } from '../events.js';
import type { UploadError } from '../errors.js';
import type { Interrupted, BatchStatus, Phase, Progress, UploadFile } from '../types.js';
import type { Uploader } from '../uploader.js';
import { History } from './chart.js';
import { inSlices } from './slices.js';

/** What is to be told about the upload as a whole. */
export type Notice =
  | { is: 'none' }
  | { is: 'stalled'; reason: UploadError | undefined }
  | { is: 'failed'; error: UploadError }
  | { is: 'over'; completion: Completion; seconds: number | undefined; missing: number };

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
  status: BatchStatus | undefined;
  /** Why files failed, the most frequent reason first; known when the upload is over. */
  causes: Cause[] = [];
  /** What an earlier page left, and this upload goes on with. */
  before: Interrupted | undefined;
  readonly #changed: (what: 'moved' | 'told') => void;
  #uploader: Uploader | undefined;
  #stage: Stage = 'empty';
  /** Undefined after a retry: then nobody cares how long it took. */
  #startedAt: number | undefined;

  /** `changed` is called when there is something new to paint: figures that moved, or something that a person is to be told. */
  constructor(changed: (what: 'moved' | 'told') => void) {
    this.#changed = changed;
  }

  get phase(): Phase {
    return this.#uploader?.phase ?? 'idle';
  }

  get progress(): Progress {
    return this.#uploader?.progress ?? NOTHING;
  }

  get stage(): Stage {
    return this.#stage === 'empty' && (this.#uploader?.length ?? 0) > 0 ? 'added' : this.#stage;
  }

  get over(): boolean {
    return this.phase === 'complete' || this.phase === 'cancelled';
  }

  of(uploader: Uploader | undefined): void {
    this.#uploader = uploader;
    this.notice = { is: 'none' };
    this.history = new History();
    this.status = undefined;
    this.causes = [];
    this.before = undefined;
    this.#stage = uploader && uploader.phase !== 'idle' ? 'ran' : 'empty';
    this.#startedAt = undefined;
  }

  follow(uploader: Uploader, signal: AbortSignal): void {
    const how = { signal };
    uploader.addEventListener('progress', ({ detail }) => {
      if (uploader.phase === 'running') {
        this.history.add(detail.bytesPerSecond, performance.now());
        this.#startedAt ??= this.#stage === 'ran' ? undefined : performance.now();
        // An engine that is to wait may run for a moment before it hears so.
        if (detail.percent > 0) this.#stage = 'ran';
        if (this.notice.is === 'stalled') this.notice = { is: 'none' };
      } else if (uploader.phase === 'paused' && detail.sentBytes > 0) {
        this.#stage = 'ran'; // All that is left was paused, file by file.
      } else if (uploader.phase === 'paused' && this.#stage !== 'ran') {
        this.#startedAt = undefined; // It has yet to be started.
      }
      this.#changed('moved');
    }, how);
    uploader.addEventListener('stalled', ({ detail }) => this.tell({ is: 'stalled', reason: detail.reason }), how);
    uploader.addEventListener('status', ({ detail }) => {
      this.status = detail;
      this.#changed('moved');
    }, how);
    uploader.addEventListener('error', ({ detail }) => {
      this.#stage = 'broken';
      this.tell({ is: 'failed', error: detail });
    }, how);
    uploader.addEventListener('complete', ({ detail }) => {
      const seconds = this.#startedAt === undefined ? undefined : (performance.now() - this.#startedAt) / 1000;
      const missing = detail.cancelled ? 0 : Math.max(0, (this.before?.total ?? 0) - detail.progress.total);
      this.causes = [];
      this.tell({ is: 'over', completion: detail, seconds, missing });
      if (detail.progress.failed > 0) this.#findCauses(signal);
    }, how);
  }

  /** Files are on their way in. */
  added(): void {
    this.#startedAt ??= performance.now();
    if (this.#stage === 'empty') this.#stage = 'added';
    if (this.notice.is === 'failed') this.notice = { is: 'none' };
    this.#changed('moved');
  }

  retried(): void {
    this.#startedAt = undefined;
    this.causes = [];
    this.notice = { is: 'none' };
    this.#changed('moved');
  }

  tell(notice: Notice): void {
    this.notice = notice;
    this.#changed('told');
  }

  #findCauses(signal: AbortSignal): void {
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
    signal.addEventListener('abort', stop);
  }

  /** Those that failed or were refused, as they are asked for. */
  *failures(): Generator<UploadFile> {
    const uploader = this.#uploader;
    for (let id = 0; id < (uploader?.length ?? 0); id++) {
      const status = uploader?.rows.status(id);
      const file = status === 'failed' || status === 'rejected' ? uploader?.file(id) : undefined;
      if (file) yield file;
    }
  }
}
