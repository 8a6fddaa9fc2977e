/** All that the package's entries have in common, in one module: index.js gives on what is public. @internal */
export * from './index.js';
export { Calls } from './calls.js';
export { Batches, Documents } from './client.js';
export { asUploadError, invalid } from './errors.js';
export { Files } from './glue.js';
export { judged } from './options.js';
export { path } from './paths.js';
export { loadWasm } from './wasm.js';
export { optionsOf, toJson } from './words.js';
