/** What becomes of files that have arrived: how far the server is with them, and which of them it could not process. */
import { Batches, Documents } from '../client.js';
import { Calls } from '../calls.js';
import { UploadError, asUploadError } from '../errors.js';
import type { BatchError, BatchStatus } from '../types.js';
import type { Uploader } from '../uploader.js';
import { STEPS, inSlices } from './slices.js';

/** `unknown`: nobody follows the batch, or not yet; `lost`: the server could not be asked, and nobody knows. */
export type Processing = 'unknown' | 'under way' | 'over' | 'lost';

export class Processed {
  state: Processing = 'unknown';
  /** As the server told it last. */
  status: BatchStatus | undefined;
  /** Why it is lost. */
  error: UploadError | undefined;
  /** Why files of this upload could not be processed, by row; known when it is over. */
  failures = new Map<number, UploadError>();
  /** The same of documents that came into the batch by other uploads. */
  others: UploadError[] = [];
  #calls: Calls | undefined;
  /** Whoever has it tried again last follows it to its end, for all before. */
  #turn = 0;

  /** Documents that could not be processed, as far as that is known. */
  get failed(): number {
    return this.failures.size + this.others.length;
  }

  /** Some of them may be processed yet. */
  get retryable(): boolean {
    return [...this.failures.values(), ...this.others].some(({ retryable }) => retryable);
  }

  begin(): void {
    this.state = 'under way';
  }

  hear(status: BatchStatus): void {
    this.begin();
    this.status = status;
  }

  lose(error: UploadError): void {
    [this.state, this.error] = ['lost', error];
  }

  /** The server is through: asks what failed, and finds the rows of that. */
  async end(uploader: Uploader): Promise<void> {
    try {
      const errors = this.status?.failedFiles ? await this.#batches(uploader).getErrors(uploader.batchId ?? '') : [];
      await new Promise<void>((done) => inSlices(this.#place(errors, uploader), done));
      this.state = 'over';
    } catch (thrown) {
      this.lose(asUploadError(thrown));
    }
  }

  /** Has these rows processed again, or all that may be worth it, and follows that to its end; where it was lost, it follows alone. */
  async again(uploader: Uploader, rows: Uint32Array | undefined, signal: AbortSignal): Promise<void> {
    const batchId = uploader.batchId ?? '';
    const goesOn = this.state === 'lost';
    const turn = ++this.#turn;
    this.begin();
    this.#forget(rows);
    try {
      if (rows) for (const id of rows) await new Documents(this.#callsTo(uploader)).retry(uploader.rows.document(id) ?? '');
      else if (!goesOn) await this.#batches(uploader).retry(batchId);
      for await (const status of this.#batches(uploader).watch(batchId, { signal })) {
        if (turn !== this.#turn) return;
        // As the uploader tells it while it follows by itself.
        uploader.dispatchEvent(new CustomEvent('status', { detail: status }));
        if (status.processedFiles + status.failedFiles >= status.totalFiles) break;
      }
    } catch (thrown) {
      if (turn === this.#turn) this.lose(asUploadError(thrown));
      return;
    }
    if (turn === this.#turn) await this.end(uploader);
  }

  close(): void {
    this.#calls?.close();
  }

  /** These failures, or all that may pass, are none for now. */
  #forget(rows: Uint32Array | undefined): void {
    const again = rows ?? [...this.failures].filter(([, { retryable }]) => retryable).map(([id]) => id);
    for (const id of again) this.failures.delete(id);
    if (!rows) this.others = this.others.filter(({ retryable }) => !retryable);
  }

  #callsTo({ connection }: Uploader): Calls {
    return (this.#calls ??= new Calls(connection));
  }

  #batches(uploader: Uploader): Batches {
    return new Batches(this.#callsTo(uploader));
  }

  *#place(errors: BatchError[], { rows }: Uploader): Generator<void, void> {
    // What was refused when it came is no document.
    const left = new Map(errors.flatMap((error) => (error.documentId === undefined ? [] : [[error.documentId, new UploadError(error, error)]])));
    this.failures = new Map();
    for (let id = 0; id < rows.length && left.size > 0; id++) {
      const document = rows.document(id) ?? '';
      const error = left.get(document);
      if (error) this.failures.set(id, error);
      left.delete(document);
      if (id % STEPS === 0) yield;
    }
    this.others = [...left.values()];
  }
}
