/** Modules of the package that an upload does without; each is loaded when it is first asked for. */
import type { Plan, Refused } from './before/types.js';
import { broken, said } from './errors.js';
import type { WasmOptions } from './options.js';
import type { UploadOptions } from './types.js';

/** What comes after an upload. @internal */
export const after = () => import('./after/index.js').catch(missing);

/** What can be known before it. @internal */
export const before = () => import('./before/index.js').catch(missing);

/** The groups in which `files` would go up, at most `batchSize` files and `maxBatchBytes` bytes each. */
export async function planBatches<F extends { size: number }>(
  files: Iterable<F>,
  options?: Pick<UploadOptions, 'batchSize' | 'maxBatchBytes' | 'limits'>,
  wasm?: WasmOptions,
): Promise<Plan<F>> {
  return (await before()).planBatches(files, options, wasm);
}

/** Best practice 1, before any upload: the files that would be refused, and why. Empty when all is well. */
export async function validate(files: Iterable<File>, options?: UploadOptions, wasm?: WasmOptions): Promise<Refused[]> {
  return (await before()).validate(files, options, wasm);
}

function missing(cause: unknown): never {
  throw broken('module_unavailable', `A module can't be loaded: ${said(cause)}. Serve it beside index.js; reload pages that are older`, cause);
}
