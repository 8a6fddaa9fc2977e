/** The types that an application sees. Words, defaults and units are those of the API page. */
import type { UploadError } from './errors.js';

/** Bytes: a number, or text such as `'512KB'`, `'1.5 GiB'`. */
export type Size = number | string;

/** The three families of errors. */
export type ErrorType = 'validation' | 'processing' | 'system';

/** How and where the server is reached. */
export interface ClientOptions {
  /** API key or upload token. */
  apiKey?: string;
  /** Origin (and path prefix) of the server, without `/v1`. Left out: the page's own origin. */
  baseUrl?: string;
  /** Gives a token; asked before the first request and again after each 401, never twice at once. */
  getToken?: () => string | Promise<string>;
  /** Used instead of the browser's `fetch`. A function can't cross to a worker: giving one runs the engine on the page. */
  fetch?: typeof globalThis.fetch;
  /** `false` runs the engine on the page's own thread. Default: in a module worker, and on the page where none can start. */
  worker?: boolean;
  /** Where the wasm lies, if not beside this module; or the compiled module, or its bytes. */
  wasmUrl?: string | URL | WebAssembly.Module | BufferSource;
  /**
   * Where the workers' module lies (`cloudindex-uploader/worker`), if not beside this module; a browser starts it only from the
   * page's own origin. Or a function that starts one, for bundlers that want to see `new Worker` in the application.
   */
  workerUrl?: string | URL | (() => Worker);
}

/** What `batches.create` takes. */
export interface BatchOptions {
  name?: string;
  description?: string;
  metadata?: Record<string, unknown>;
  processing?: ProcessingOptions;
  limits?: LimitOptions;
  tracking?: TrackingOptions;
}

export interface ProcessingOptions {
  /** Requests in flight. Default 5. */
  concurrency?: number;
  /** Characters per text chunk on the server. Default: the server's, 1000. */
  chunkSize?: number;
  /** Attempts per request. Default 3. */
  retryAttempts?: number;
  /** ms for a whole file. Default: none. */
  timeout?: number;
  /** Most Web Workers: the engine's, and those that read, cut and hash for it; never more than there are cores. Default 4. */
  maxWorkers?: number;
  /** Files between the walk and the network before the walk waits. Default 10,000. */
  queueSize?: number;
}

export interface LimitOptions {
  /** Files per batch. */
  maxBatchSize?: number;
  /** Bytes per file. */
  maxFileSize?: Size;
  /** Bytes per batch. */
  totalBatchBytes?: Size;
}

export interface TrackingOptions {
  /** Follow the batch after the upload until it is processed. */
  enabled?: boolean;
  webhookUrl?: string;
  /** ms between polls. Default 5000. */
  statusInterval?: number;
}

export interface RetryStrategy {
  /** Attempts per request. Default 3. */
  maxAttempts?: number;
  /** ms. Default 1000, 2, 30,000; with full jitter. `Retry-After` wins. */
  backoff?: { initial?: number; multiplier?: number; maxDelay?: number };
  /** Codes that override what is retried by default. */
  conditions?: { retryable?: string[]; fatal?: string[] };
}

/** Every option of an upload; the engine refuses what it does not know, by name. */
export interface UploadOptions {
  /** Requests in flight. Default 5. */
  concurrency?: number;
  /** Files a group. Default 100. */
  batchSize?: number;
  /** Bytes a group. Default: no cap. */
  maxBatchBytes?: Size;
  /** Attempts per request. Default 3. */
  retryAttempts?: number;
  /** ms without an answer before an attempt is given up, as `network.timeout`. Default 30,000. */
  timeout?: number;
  /** Which files go together: of one type, of one folder, or of one name that a function gives. Default: as they come. */
  groupBy?: 'type' | 'folder' | ((file: File) => string);
  /** A JSON object that is stored with the file's document. */
  metadata?: (file: File) => Record<string, unknown> | undefined;
  processing?: ProcessingOptions;
  limits?: LimitOptions;
  tracking?: TrackingOptions;
  retryStrategy?: RetryStrategy;
  /** `maxBufferSize`: bytes held at once; `clearInterval`: ms between sweeps of finished state. */
  memory?: { maxBufferSize?: Size; clearInterval?: number };
  /** `maxConcurrent` caps requests in flight, as `processing.concurrency` does: the smaller counts. `timeout`: as above. */
  network?: { maxConcurrent?: number; timeout?: number };
  /**
   * An upload that outlives its page: after a reload or a crash the same files, added again, go on where the server's
   * acknowledgements end, in the same batch. `true`: one journal for this page's path; text: a journal of that name, which pages
   * share. Uploads with one journal take turns, also in several tabs: the second waits (`stalled`, code `journal_busy`) until the
   * first is done or closed. Where the browser keeps nothing (private windows, full disks) the upload goes on without. Default: false.
   */
  resume?: boolean | string;
}

/** An upload that an earlier page left unfinished. */
export interface Interrupted {
  batchId: string;
  /** When it began; ISO 8601. */
  since: string;
  /** Files that had arrived. */
  files: number;
  /** Files that had been found. */
  total: number;
  /** Bytes that had arrived. */
  bytes: number;
  /** An upload with this journal is under way now, in another tab or in this page. */
  elsewhere: boolean;
  /** The browser kept what was added (folders and files that were dropped or picked, in Chromium): `continue()` may do. */
  canContinue: boolean;
}

/** What can be uploaded. What a drop offers is taken before the call returns, so it may be called in the event handler. */
export type Source =
  | File
  | FileList
  | Iterable<File | FileSystemHandle | FileSystemEntry>
  | AsyncIterable<File>
  | DataTransfer
  | DataTransferItemList
  | FileSystemHandle
  | FileSystemEntry;

/** What `processDirectory` takes. */
export type Directory = FileSystemDirectoryHandle | FileSystemDirectoryEntry | DataTransfer | FileList | Iterable<File>;

export interface UploadBatchOptions extends UploadOptions {
  /** The batch to fill; without it one is created (from `batch`), and completed at the end if every file arrived. */
  batchId?: string;
  /** The batch to create when there is no `batchId`. */
  batch?: BatchOptions;
  onProgress?: (progress: Progress) => void;
  /** Aborting calls the upload off; the promise rejects with the signal's reason, as `fetch` does. */
  signal?: AbortSignal;
}

export interface BatchProcessorOptions extends UploadOptions {
  batchId?: string;
  batch?: BatchOptions;
  /** Numbers count from 1. */
  onBatchStart?: (batchNumber: number, files: File[]) => void;
  onBatchComplete?: (batchNumber: number, results: UploadResult[]) => void;
  /** 0 to 100, never falling. */
  onFileProgress?: (file: File, percent: number) => void;
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
}

/** Only what the server acknowledged moves it. */
export interface Progress {
  /** Files found so far. */
  total: number;
  /** Files that the server holds. */
  completed: number;
  /** Files that failed or were refused. */
  failed: number;
  /** Files that were taken out, or called off. */
  cancelled: number;
  /** Bytes acknowledged. */
  bytes: number;
  /** Bytes of content that travelled for it, compressed where they were: less than `bytes` where the server had some already. */
  sentBytes: number;
  /** Bytes of the files whose size is known. */
  totalBytes: number;
  bytesPerSecond: number;
  secondsLeft?: number;
  /** 0 to 100, never falling. */
  percent: number;
  /** What `percent` counts: `files` until every size is known. */
  basis: 'files' | 'bytes';
}

/** How the whole upload stands. */
export type Phase = 'idle' | 'running' | 'paused' | 'stalled' | 'following' | 'complete' | 'cancelled';

/** How one file stands; the last five are final, until a retry. */
export type FileStatus =
  | 'waiting' | 'reading' | 'sending' | 'paused'
  | 'committed' | 'duplicate' | 'failed' | 'rejected' | 'cancelled';

export type FinalStatus = 'committed' | 'duplicate' | 'failed' | 'rejected' | 'cancelled';

/** A file of an upload, as it stood when it was asked for. */
export interface UploadFile {
  /** Its row: the first file found is 0. */
  id: number;
  /** Relative path, `/` between segments. */
  path: string;
  /** The path's last segment. */
  name: string;
  /** Null when the entry could not be opened; and while nobody has to, because the journal (`resume`) knows that it was uploaded. */
  file: File | null;
  status: FileStatus;
  /** 0 to 100. */
  percent: number;
  /** Bytes, as soon as they are known. */
  size?: number;
  documentId?: string;
  error?: UploadError;
}

/** What became of one file. */
export interface UploadResult {
  path: string;
  name: string;
  status: FinalStatus;
  /** Of a committed or duplicate file. */
  documentId?: string;
  /** Of a failed or rejected file. */
  error?: UploadError;
  size?: number;
  file: File | null;
}

/** How a batch stands on the server. */
export interface BatchStatus {
  batchId: string;
  status: 'open' | 'processing' | 'completed' | 'cancelled';
  totalFiles: number;
  processedFiles: number;
  failedFiles: number;
  /** 0 to 100. */
  progressPercentage: number;
  /** ISO 8601; null before the first document. */
  startedAt: string | null;
  /** ISO 8601; null while there is nothing to estimate from. */
  estimatedCompletion: string | null;
  /** Bytes of all committed documents. */
  bytes: number;
  /** Documents and bytes that the whole server processed a second, over the last minute; null while it processes nothing. In answers of
   *  `getStatus`, in `watch` and in the event `status`. */
  documentsPerSecond?: number | null;
  bytesPerSecond?: number | null;
  /** What keeps the server from processing documents, for a person; absent when nothing does. Where the fields above are. */
  notice?: string;
}

/** A batch, with its status. */
export interface Batch extends BatchStatus {
  id: string;
  name?: string;
  description?: string;
  metadata?: Record<string, unknown>;
  /** The limits in force. */
  limits: { maxBatchSize?: number; maxFileSize?: number; totalBatchBytes?: number };
  /** What the server takes in one request. */
  caps: { bundleBytes: number; blockBytes: number; bundleDocuments: number; encodings: string[]; digest: string };
}

/** One row of `batches.getErrors`. */
export interface BatchError {
  type: ErrorType;
  code: string;
  message: string;
  documentId?: string;
  path?: string;
  retryable: boolean;
  /** ISO 8601. */
  at: string;
}
