/** Options, judged before an upload. */
import { asUploadError } from './errors.js';
import type { UploadError } from './errors.js';
import type { ClientOptions, UploadOptions } from './types.js';
import { loadWasm } from './wasm.js';
import { optionsOf, toJson } from './words.js';

/** Where the wasm is, if not beside this module. */
export interface WasmOptions {
  wasmUrl?: ClientOptions['wasmUrl'] | undefined;
}

/** Resolves to the error that names the wrong option, or to nothing. */
export async function checkOptions(options: UploadOptions, { wasmUrl }: WasmOptions = {}): Promise<UploadError | undefined> {
  await loadWasm(wasmUrl);
  const failure = optionsOf(toJson(options)).check();
  return failure === undefined ? undefined : asUploadError(failure);
}

/** What the server is told of a new batch, as JSON: of a whole configuration the words that concern it. @internal */
export async function newBatch(options: object, { wasmUrl }: WasmOptions = {}): Promise<string> {
  await loadWasm(wasmUrl);
  return judged(() => optionsOf(toJson(options)).newBatch());
}

/** Wrong options make the wasm throw the JSON of a Failure. @internal */
export function judged<T>(call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    throw asUploadError(thrown);
  }
}
