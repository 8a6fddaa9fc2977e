/** What was told of a batch so far. */
import type { BatchStatus } from '../types.js';

export class Seen {
  /** Names the newest event: the server then sends only what came after it. */
  id: string | undefined;
  /** ms to wait before a stream that broke is opened again; the server may say another. */
  retry = 2000;
  /** The newest status is the last there will be. */
  ended = false;
  #text: string | undefined;

  /** The status, unless it is the newest already. */
  take(status: BatchStatus): BatchStatus | undefined {
    const text = JSON.stringify(status);
    if (text === this.#text) return undefined;
    this.#text = text;
    this.ended = status.status === 'completed' || status.status === 'cancelled';
    return status;
  }
}
