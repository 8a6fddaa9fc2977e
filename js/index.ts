/** cloudindex-uploader: gets a folder of documents, or a hundred thousand of them, out of a browser and into an index. */
export { CloudIndex } from './client.js';
export type { Batches, Documents, Tokens } from './client.js';
export type { BatchProcessor } from './processor.js';
export { Uploader } from './uploader.js';
export type { UploaderOptions } from './uploader.js';
export type { Completion, UploaderEvent, UploaderEvents } from './events.js';
export { cloudindex } from './targets.js';
export type { CloudIndexTarget, Target } from './targets.js';
export { planBatches, validate } from './later.js';
export type { Plan, Refused } from './before/types.js';
export { checkOptions } from './options.js';
export type { WasmOptions } from './options.js';
export { UploadError } from './errors.js';
export type { Failure } from './errors.js';
export type * from './types.js';
export type * from './after/types.js';
