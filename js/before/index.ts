/** What can be known before an upload: how files will be grouped, which will be refused, what an earlier page left. Loaded by the first
 *  call that needs it. */
import { UploadError } from '../errors.js';
import type { Failure } from '../errors.js';
import { Files } from '../glue.js';
import { judged } from '../options.js';
import type { WasmOptions } from '../options.js';
import type { UploadOptions } from '../types.js';
import { loadWasm } from '../wasm.js';
import { optionsOf, toJson } from '../words.js';
import type { Plan, Refused } from './types.js';

export { allowed, left } from './interrupted.js';

/** ms at a stretch that asking sizes may take of the page: a browser takes 0.3 ms for the first `file.size`. */
const SLICE = 8;

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

export async function validate(
  files: Iterable<File>,
  options: UploadOptions = {},
  { wasmUrl }: WasmOptions = {},
): Promise<Refused[]> {
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
