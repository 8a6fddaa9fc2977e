/** Questions to the server that are answered with JSON, by the engine's calls. */
import { Calls } from '../calls.js';
import { until } from './until.js';

/** The answer. The engine's calls know no signal: what may be aborted has an engine of its own, which then ends with its connection. */
export async function ask<T>(calls: Calls, method: 'GET' | 'POST', path: string, body?: object, signal?: AbortSignal): Promise<T> {
  signal?.throwIfAborted();
  const own = signal ? new Calls(calls.connection) : calls;
  try {
    return await until(signal, own.json<T>(method, path, body && JSON.stringify(body)));
  } finally {
    if (own !== calls) own.close();
  }
}

/** All rows of a list, page after page. */
export async function* rows<T, Name extends string>(calls: Calls, path: string, name: Name): AsyncGenerator<T, void, undefined> {
  type Page = { [name in Name]: T[] } & { next?: string | null };
  let cursor: string | null | undefined;
  do {
    const page: Page = await ask(calls, 'GET', cursor ? `${path}?cursor=${encodeURIComponent(cursor)}` : path);
    yield* page[name];
    cursor = page.next;
  } while (cursor);
}
