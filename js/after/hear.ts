/** The server's events for an upload that follows its batch. They spare the engine its questions, which go on where none come. */
import type { Connection } from '../connection.js';
import { path } from '../paths.js';
import type { BatchStatus } from '../types.js';
import { Following } from './following.js';
import { Seen } from './seen.js';
import { stream } from './stream.js';
import { pause } from './until.js';

/** Ends with the batch, or when no stream can be had. */
export async function* hear(connection: Connection, batchId: string, signal: AbortSignal): AsyncGenerator<BatchStatus, void, undefined> {
  const following = new Following(0, Math.random);
  const seen = new Seen();
  let step = following.start();
  while (step.t === 'stream') {
    await pause(step.wait, signal);
    step = following.next(yield* stream(connection, `${path('batches', batchId)}/events`, step.token, seen, signal), performance.now());
  }
}
