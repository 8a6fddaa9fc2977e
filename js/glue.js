// What wasm-bindgen generates; the types beside this file are written by hand, so that checking them needs no build.
export { initSync, Options, Files, Cutting, Core } from '../dist/glue/cloudindex_uploader.js';
