// What wasm-bindgen generates; the types beside this file are written by hand, so that checking them needs no build.
export { default, initSync, host, checkOptions, newBatch, planBatches, read, readers, validate, left } from '../dist/glue/cloudindex_uploader.js';
