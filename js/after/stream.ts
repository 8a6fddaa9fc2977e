/** Server-sent events by `fetch`: an EventSource can't send a key. */
import { createParser } from 'eventsource-parser';
import type { Connection } from '../connection.js';
import type { BatchStatus } from '../types.js';
import type { Outcome } from './following.js';
import { place } from './place.js';
import type { Seen } from './seen.js';
import { until } from './until.js';

/** ms within which a stream must begin: what is between may hold back the answer until there is much of it. */
const BEGINS_WITHIN = 5_000;
/** ms to wait for another stream, whatever the server wants. */
const RETRY_WITHIN = 60_000;
/** ms of silence that tell of a broken stream: the server says something each 15 seconds. */
const SILENT_WITHIN = 45_000;

/** The statuses of one stream that `seen` does not have. Throws the signal's reason on abort; its connection is closed when this ends. */
export async function* stream(
  connection: Connection, path: string, token: 'known' | 'new', seen: Seen, signal?: AbortSignal,
): AsyncGenerator<BatchStatus, Outcome, undefined> {
  if (token === 'new') await until(signal, connection.refresh());
  const { baseUrl, apiKey, refresh } = await until(signal, connection.words());
  // Where there is none, questions do.
  const leave = await place(connection.baseUrl);
  if (!leave) return { t: 'failed' };
  const flight = new AbortController();
  const abort = () => flight.abort(signal?.reason);
  signal?.addEventListener('abort', abort);
  /** The work, or an end of the flight after so many ms. */
  const within = async <T>(ms: number, work: Promise<T>) => {
    const timer = setTimeout(() => flight.abort(), ms);
    return until(flight.signal, work).finally(() => clearTimeout(timer));
  };
  const texts: string[] = [];
  let outcome: Outcome = { t: 'failed' };
  const told = () => { outcome = { t: 'broke', retry: seen.retry }; };
  const parser = createParser({
    onRetry: (ms) => { seen.retry = Math.min(ms, RETRY_WITHIN); },
    onComment: told,
    onEvent({ event, id, data }) {
      seen.id = id ?? seen.id;
      if (event === 'status') texts.push(data);
    },
  });
  try {
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (apiKey !== undefined) headers['Authorization'] = `Bearer ${apiKey}`;
    if (seen.id !== undefined) headers['Last-Event-ID'] = seen.id;
    const response = await within(BEGINS_WITHIN, (connection.fetch ?? fetch)(`${baseUrl}${path}`, { headers, cache: 'no-store', signal: flight.signal }));
    if (response.status === 401 && refresh) return { t: 'unauthorized' };
    if (response.status === 429 || response.status >= 500) return outcome;
    if (response.status !== 200 || !response.headers.get('content-type')?.startsWith('text/event-stream') || !response.body) return { t: 'useless' };
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    for (let wait = BEGINS_WITHIN; ; wait = SILENT_WITHIN) {
      const { done, value } = await within(wait, reader.read());
      if (done) return outcome;
      parser.feed(decoder.decode(value, { stream: true }));
      for (const text of texts.splice(0)) {
        const status = seen.take(JSON.parse(text));
        told();
        if (status) yield status;
        if (seen.ended) return { t: 'ended' };
      }
    }
  } catch (error) {
    signal?.throwIfAborted();
    return error instanceof SyntaxError ? { t: 'useless' } : outcome;
  } finally {
    signal?.removeEventListener('abort', abort);
    flight.abort();
    leave();
  }
}
