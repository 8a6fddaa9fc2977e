/** A query over a batch or all of them. */
import type { Calls } from '../calls.js';
import { ask } from './ask.js';
import type { SearchOptions, SearchReply } from './types.js';

/** The server judges the words, so that they mean what its version knows of them. */
export async function search(calls: Calls, query: string, { signal, ...filters }: SearchOptions): Promise<SearchReply> {
  return ask(calls, 'POST', '/v1/search', { ...filters, query }, signal);
}
