/** What can be known before an upload: are the options right, how will files be grouped, which will be refused. */
import { Files } from './glue.js';
import type { Failure } from './errors.js';
import { UploadError, asUploadError } from './errors.js';
import type { ClientOptions, UploadOptions } from './types.js';
import { loadWasm } from './wasm.js';
import { optionsOf, toJson } from './words.js';

/** Where the wasm is, if not beside this module. */
export interface WasmOptions {
  wasmUrl?: ClientOptions['wasmUrl'] | undefined;
}

export interface Plan<F> {
  /** No empty batch, none over a limit; in the order of the files. */
  batches: F[][];
  /** Files that alone are over the limit. */
  rejected: F[];
}

/** ms at a stretch that asking sizes may take of the page: a browser takes 0.3 ms for the first `file.size`. */
const SLICE = 8;

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

/** The groups in which `files` would go up, at most `batchSize` files and `maxBatchBytes` bytes each. */
export async function planBatches<F extends { size: number }>(
  files: Iterable<F>,
  options: Pick<UploadOptions, 'batchSize' | 'maxBatchBytes' | 'limits'> = {},
  { wasmUrl }: WasmOptions = {},
): Promise<Plan<F>> {
  const list = Array.from(files);
  const [sizes] = await Promise.all([sizesOf(list), loadWasm(wasmUrl)]);
  const found = new Files();
  for (const size of sizes) found.add('', '', size, NaN, undefined, undefined, undefined);
  const plan: { batches: number[][]; rejected: number[] } = JSON.parse(judged(() => optionsOf(toJson(options)).planBatches(found)));
  const pick = (indexes: number[]) => indexes.map((index) => list[index] as F);
  return { batches: plan.batches.map(pick), rejected: pick(plan.rejected) };
}

/** Best practice 1, before any upload: the files that would be refused, and why. Empty when all is well. */
export async function validate(
  files: Iterable<File>,
  options: UploadOptions = {},
  { wasmUrl }: WasmOptions = {},
): Promise<{ file: File; path: string; error: UploadError }[]> {
  const list = Array.from(files);
  const [sizes] = await Promise.all([sizesOf(list), loadWasm(wasmUrl)]);
  const paths = list.map((file) => file.webkitRelativePath || file.name);
  const found = new Files();
  paths.forEach((path, i) => found.add(path, '', sizes[i] as number, NaN, undefined, undefined, undefined));
  const refused: { index: number; error: Failure }[] = JSON.parse(judged(() => optionsOf(toJson(options)).validate(found)));
  return refused.map(({ index, error }) => {
    const path = paths[index] as string;
    return { file: list[index] as File, path, error: new UploadError(error, { path }) };
  });
}

async function sizesOf(files: { size: number }[]): Promise<Float64Array> {
  const sizes = new Float64Array(files.length);
  let since = performance.now();
  for (const [i, file] of files.entries()) {
    sizes[i] = file.size;
    if (performance.now() - since < SLICE) continue;
    await new Promise((resolve) => { setTimeout(resolve); });
    since = performance.now();
  }
  return sizes;
}

/** Wrong options make the wasm throw the JSON of a Failure. */
function judged<T>(call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    throw asUploadError(thrown);
  }
}
