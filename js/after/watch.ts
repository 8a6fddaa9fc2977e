/** A batch's statuses as they come: by the server's events, or by questions where these can't be had. */
import type { Calls } from '../calls.js';
import { asUploadError, invalid } from '../errors.js';
import { path } from '../paths.js';
import type { BatchStatus } from '../types.js';
import { Following } from './following.js';
import type { Outcome } from './following.js';
import { Seen } from './seen.js';
import { stream } from './stream.js';
import type { WatchOptions } from './types.js';
import { pause, until } from './until.js';

/** ms. */
const DAY = 86_400_000;

export async function* watch(calls: Calls, batchId: string, { statusInterval = 5000, signal }: WatchOptions): AsyncGenerator<BatchStatus, void, undefined> {
  if (!(statusInterval >= 1 && statusInterval <= DAY)) {
    throw invalid('invalid_option', `The option "statusInterval" must be a number of ms, 1 to ${DAY}, not ${statusInterval}.`);
  }
  const batch = path('batches', batchId);
  const following = new Following(statusInterval, Math.random);
  const seen = new Seen();
  let step = following.start();
  while (step.t === 'stream' || step.t === 'ask') {
    await pause(step.wait, signal);
    const outcome: Outcome = yield* (step.t === 'stream'
      ? stream(calls.connection, `${batch}/events`, step.token, seen, signal)
      : question(calls, batch, seen, signal));
    step = following.next(outcome, performance.now());
  }
  if (step.t === 'fail') throw step.error;
}

/** One question, with the engine's retries and token refresh. */
async function* question(calls: Calls, batch: string, seen: Seen, signal?: AbortSignal): AsyncGenerator<BatchStatus, Outcome, undefined> {
  let status: BatchStatus | undefined;
  try {
    status = seen.take(await until(signal, calls.json<BatchStatus>('GET', batch)));
  } catch (error) {
    signal?.throwIfAborted();
    return { t: 'unanswered', error: asUploadError(error) };
  }
  if (status) yield status;
  return { t: seen.ended ? 'ended' : 'answered' };
}
