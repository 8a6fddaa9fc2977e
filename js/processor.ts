/** The seed's BatchProcessor: a directory goes up in groups, with callbacks. */
import type { Connection } from './connection.js';
import { runToEnd } from './run.js';
import { Target } from './targets.js';
import type { BatchProcessorOptions, Directory, UploadResult } from './types.js';
import { Uploader } from './uploader.js';

export class BatchProcessor {
  readonly #connection: Connection;
  readonly #options: BatchProcessorOptions;

  /** @internal Applications write `new cloudindex.BatchProcessor({ … })`. */
  constructor(connection: Connection, options: BatchProcessorOptions = {}) {
    this.#connection = connection;
    this.#options = { ...options };
  }

  /**
   * Uploads a directory; the upload starts while the walk goes on. Without a `batchId` a batch is created, and completed at
   * the end. Resolves and rejects as `documents.uploadBatch` does. May run several times, also at once.
   */
  async processDirectory(directory: Directory): Promise<UploadResult[]> {
    const { batchId, batch, onBatchStart, onBatchComplete, onFileProgress, onProgress, signal, ...rest } = this.#options;
    const uploader = new Uploader({ ...rest, target: new Target(this.#connection, { batchId, batch }) });
    if (onBatchStart) {
      uploader.addEventListener('batchstart', ({ detail }) => onBatchStart(detail.batchNumber, detail.files));
    }
    if (onBatchComplete) {
      uploader.addEventListener('batchcomplete', ({ detail }) => onBatchComplete(detail.batchNumber, detail.results));
    }
    if (onFileProgress) {
      uploader.openAll();
      uploader.addEventListener('fileprogress', ({ detail }) => {
        if (detail.file) onFileProgress(detail.file, detail.percent);
      });
    }
    if (onProgress) uploader.addEventListener('progress', ({ detail }) => onProgress(detail));
    return runToEnd(uploader, directory, signal);
  }
}
