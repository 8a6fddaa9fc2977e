/** The client: the seed's `cloudindex`. */
import { Calls } from './calls.js';
import { Connection } from './connection.js';
import { broken, said } from './errors.js';
import { path } from './paths.js';
import { BatchProcessor } from './processor.js';
import { newBatch } from './plan.js';
import { runToEnd } from './run.js';
import { Target } from './targets.js';
import { Uploader } from './uploader.js';
import type {
  DocumentRecord, SearchOptions, SearchReply, TokenOptions, UploadToken, VerifyOptions, VerifyReport, WatchOptions,
} from './after/types.js';
import type {
  Batch, BatchError, BatchOptions, BatchProcessorOptions, BatchStatus, ClientOptions, Source, UploadBatchOptions, UploadResult,
} from './types.js';

/** What comes after an upload is loaded when it is first asked for: who only uploads never loads it. */
const after = () => import('./after/index.js').catch((cause: unknown) => {
  throw broken('module_unavailable', `after.js can't be loaded: ${said(cause)}. Serve it beside index.js; reload pages that are older`, cause);
});

export class CloudIndex {
  readonly batches: Batches;
  readonly documents: Documents;
  readonly tokens: Tokens;
  /** `new cloudindex.BatchProcessor({ … })` uploads with this client's key and address. */
  readonly BatchProcessor: new (options?: BatchProcessorOptions) => BatchProcessor;
  readonly #calls: Calls;

  constructor(options: ClientOptions = {}) {
    const connection = new Connection(options);
    const calls = new Calls(connection);
    this.#calls = calls;
    this.batches = new Batches(calls);
    this.documents = new Documents(calls);
    this.tokens = new Tokens(calls);
    this.BatchProcessor = class extends BatchProcessor {
      constructor(own?: BatchProcessorOptions) {
        super(connection, own);
      }
    };
  }

  /**
   * Documents whose text fits the query, by words and by meaning, the best first. Over all batches, unless the options say which.
   * Needs an API key: an upload token is refused (`forbidden`).
   */
  async search(query: string, options: SearchOptions = {}): Promise<SearchReply> {
    return (await after()).search(this.#calls, query, options);
  }
}

/** `cloudindex.batches`: calls of the API, with the engine's retries and token refresh. */
export class Batches {
  readonly #calls: Calls;

  /** @internal */
  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Creates a batch. Takes the whole of a configuration: the server is told what concerns it (`processing.chunkSize`, `limits`,
   * `tracking.webhookUrl`); words for the upload itself are checked here and belong to the upload's own options.
   */
  async create(options: BatchOptions = {}): Promise<Batch> {
    return this.#calls.json('POST', '/v1/batches', await newBatch(options, this.#calls.connection));
  }

  /** How the batch stands, and how fast the server works. */
  async getStatus(batchId: string): Promise<BatchStatus> {
    return this.#calls.json('GET', path('batches', batchId));
  }

  /**
   * How the batch stands, now and with each change, until it is `completed` or `cancelled`: `for await (const status of …)`. Told by the
   * server's events, which are taken up again when their connection breaks, or asked for each `statusInterval` where there are none.
   * Throws an UploadError when the batch can't be had (`batch_not_found`, `unauthorized`), or was not heard of for ten minutes.
   */
  async *watch(batchId: string, options: WatchOptions = {}): AsyncGenerator<BatchStatus, void, undefined> {
    yield* (await after()).watch(this.#calls, batchId, options);
  }

  /** All errors of the batch, from all pages, the oldest first. */
  async getErrors(batchId: string): Promise<BatchError[]> {
    return (await after()).getErrors(this.#calls, batchId);
  }

  /** Has the server try all documents again that failed of something that may pass (`retryable`); tells how many. */
  async retry(batchId: string): Promise<{ retried: number }> {
    return (await after()).retryBatch(this.#calls, batchId);
  }

  /**
   * Has the server look whether everything is there: the bytes of each document against their digests, the embeddings of each processed
   * one, and by searches whether documents are found. Takes as long as reading all that is stored; `onProgress` tells how far it is.
   */
  async verify(batchId: string, options: VerifyOptions = {}): Promise<VerifyReport> {
    return (await after()).verify(this.#calls, batchId, options);
  }

  /** No more documents will come. */
  async complete(batchId: string): Promise<Batch> {
    return this.#calls.json('POST', `${path('batches', batchId)}/complete`);
  }

  /** Stops the batch and drops what is not committed. */
  async cancel(batchId: string): Promise<Batch> {
    return this.#calls.json('POST', `${path('batches', batchId)}/cancel`);
  }
}

/** `cloudindex.documents`. */
export class Documents {
  readonly #calls: Calls;

  /** @internal */
  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Uploads files and resolves to one result per file, in their order; a file's failure is in its result. Rejects with an
   * UploadError when nothing could be uploaded for a reason that is no single file's, and with the signal's reason on abort.
   */
  async uploadBatch(files: Source, options: UploadBatchOptions = {}): Promise<UploadResult[]> {
    const { batchId, batch, onProgress, signal, ...rest } = options;
    const uploader = new Uploader({ ...rest, target: new Target(this.#calls.connection, { batchId, batch }) });
    if (onProgress) uploader.addEventListener('progress', (event) => onProgress(event.detail));
    return runToEnd(uploader, files, signal);
  }

  /** What the server knows of a document. */
  async get(documentId: string): Promise<DocumentRecord> {
    return (await after()).getDocument(this.#calls, documentId);
  }

  /** All documents of a batch, by their paths, fetched page by page: `for await (const document of …)`. */
  async *list(batchId: string): AsyncGenerator<DocumentRecord, void, undefined> {
    yield* (await after()).listDocuments(this.#calls, batchId);
  }

  /** Has the server process a failed document again, whatever its error. One that has not failed is answered as it is. */
  async retry(documentId: string): Promise<DocumentRecord> {
    return (await after()).retryDocument(this.#calls, documentId);
  }

  /** Takes a document out of its batch and out of the index. */
  async delete(documentId: string): Promise<void> {
    return (await after()).deleteDocument(this.#calls, documentId);
  }
}

/** `cloudindex.tokens`: for a back end that has an API key. */
export class Tokens {
  readonly #calls: Calls;

  /** @internal */
  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** An upload token for one batch, to be handed to a browser. */
  async create(options: TokenOptions): Promise<UploadToken> {
    return (await after()).createToken(this.#calls, options);
  }
}
