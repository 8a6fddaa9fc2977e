/** An upload from its first file to its last result, as one promise. */
import { UploadError } from './errors.js';
import type { Uploader } from './uploader.js';
import type { Source, UploadResult } from './types.js';

/**
 * Resolves to the results, one per file, whatever became of each. Rejects when nothing could be uploaded for a reason that
 * is no single file's (a wrong option, no such batch, a key that is not accepted), and with the signal's reason on abort.
 */
export async function runToEnd(uploader: Uploader, source: Source, signal?: AbortSignal): Promise<UploadResult[]> {
  signal?.throwIfAborted();
  let abort: (() => void) | undefined;
  try {
    return await new Promise<UploadResult[]>((resolve, reject) => {
      uploader.addEventListener('complete', ({ detail }) => {
        if (detail.reason && detail.progress.failed > 0 && detail.progress.completed === 0) reject(detail.reason);
        else resolve(detail.results);
      });
      uploader.addEventListener('error', ({ detail }: CustomEvent<UploadError>) => reject(detail));
      abort = () => {
        uploader.cancel();
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', abort);
      uploader.add(source).catch(reject);
    });
  } finally {
    if (abort) signal?.removeEventListener('abort', abort);
    // The promise is over at once, but the engine still tells the server that the rest won't come.
    if (signal?.aborted) uploader.addEventListener('complete', () => uploader.close());
    else uploader.close();
  }
}
