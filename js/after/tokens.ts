/** Upload tokens: for a back end that has an API key. */
import type { Calls } from '../calls.js';
import { ask } from './ask.js';
import type { TokenOptions, UploadToken } from './types.js';

export async function createToken(calls: Calls, options: TokenOptions): Promise<UploadToken> {
  return ask(calls, 'POST', '/v1/tokens', options);
}
