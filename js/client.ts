/** The client: the seed's `cloudindex`. */
import { Calls } from './calls.js';
import { Connection } from './connection.js';
import { invalid } from './errors.js';
import { BatchProcessor } from './processor.js';
import { newBatch } from './plan.js';
import { runToEnd } from './run.js';
import { Target } from './targets.js';
import { Uploader } from './uploader.js';
import type {
  Batch, BatchError, BatchOptions, BatchProcessorOptions, BatchStatus, ClientOptions, Source, UploadBatchOptions, UploadResult,
} from './types.js';

export class CloudIndex {
  readonly batches: Batches;
  readonly documents: Documents;
  /** `new cloudindex.BatchProcessor({ … })` uploads with this client's key and address. */
  readonly BatchProcessor: new (options?: BatchProcessorOptions) => BatchProcessor;

  constructor(options: ClientOptions = {}) {
    const connection = new Connection(options);
    const calls = new Calls(connection);
    this.batches = new Batches(connection, calls);
    this.documents = new Documents(connection, calls);
    this.BatchProcessor = class extends BatchProcessor {
      constructor(own?: BatchProcessorOptions) {
        super(connection, own);
      }
    };
  }
}

/** `cloudindex.batches`: calls of the API, with the engine's retries and token refresh. */
export class Batches {
  readonly #connection: Connection;
  readonly #calls: Calls;

  /** @internal */
  constructor(connection: Connection, calls: Calls) {
    this.#connection = connection;
    this.#calls = calls;
  }

  /**
   * Creates a batch. Takes the whole of a configuration: the server is told what concerns it (`processing.chunkSize`, `limits`,
   * `tracking.webhookUrl`); words for the upload itself are checked here and belong to the upload's own options.
   */
  async create(options: BatchOptions = {}): Promise<Batch> {
    return this.#call('POST', '/v1/batches', await newBatch(options, this.#connection));
  }

  async getStatus(batchId: string): Promise<BatchStatus> {
    return this.#call('GET', path(batchId));
  }

  /** All errors of the batch, from all pages. */
  async getErrors(batchId: string): Promise<BatchError[]> {
    const errors: BatchError[] = [];
    let cursor: string | null | undefined;
    do {
      const query: string = cursor ? `?cursor=${encodeURIComponent(cursor)}` : '';
      const page = await this.#call<{ errors: BatchError[]; next?: string | null }>('GET', `${path(batchId)}/errors${query}`);
      for (const error of page.errors) errors.push(error);
      cursor = page.next;
    } while (cursor);
    return errors;
  }

  /** No more documents will come. */
  async complete(batchId: string): Promise<Batch> {
    return this.#call('POST', `${path(batchId)}/complete`);
  }

  /** Stops the batch and drops what is not committed. */
  async cancel(batchId: string): Promise<Batch> {
    return this.#call('POST', `${path(batchId)}/cancel`);
  }

  async #call<T>(method: 'GET' | 'POST', to: string, body?: string): Promise<T> {
    return JSON.parse(await this.#calls.call(method, to, body)) as T;
  }
}

/** `cloudindex.documents`. */
export class Documents {
  readonly #connection: Connection;
  readonly #calls: Calls;

  /** @internal */
  constructor(connection: Connection, calls: Calls) {
    this.#connection = connection;
    this.#calls = calls;
  }

  /**
   * Uploads files and resolves to one result per file, in their order; a file's failure is in its result. Rejects with an
   * UploadError when nothing could be uploaded for a reason that is no single file's, and with the signal's reason on abort.
   */
  async uploadBatch(files: Source, options: UploadBatchOptions = {}): Promise<UploadResult[]> {
    const { batchId, batch, onProgress, signal, ...rest } = options;
    const uploader = new Uploader({ ...rest, target: new Target(this.#connection, { batchId, batch }) });
    if (onProgress) uploader.addEventListener('progress', (event) => onProgress(event.detail));
    return runToEnd(uploader, files, signal);
  }

  /** Takes a document out of its batch and out of the index. */
  async delete(documentId: string): Promise<void> {
    if (typeof documentId !== 'string' || documentId === '') throw invalid('invalid_option', 'A document is named by its id: a string that is not empty.');
    await this.#calls.call('DELETE', `/v1/documents/${encodeURIComponent(documentId)}`);
  }
}

function path(batchId: string): string {
  if (typeof batchId !== 'string' || batchId === '') throw invalid('invalid_option', 'A batch is named by its id: a string that is not empty.');
  return `/v1/batches/${encodeURIComponent(batchId)}`;
}
