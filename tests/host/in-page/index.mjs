// What a test has in the page: the host as it is in js/host, on the wasm that is published, and the other ends of its ports.
import { initSync } from '../../../js/glue.js';

initSync({ module: await WebAssembly.compileStreaming(fetch('/cloudindex_uploader_bg.wasm')) });

export { Core, Cutting, Files } from '../../../js/glue.js';
export { Host } from '../../../js/host/host.ts';
export { Http } from '../../../js/host/http.ts';
export { Store } from '../../../js/host/store.ts';
export { Intake } from '../../../src/intake.js';
export { describe, show } from '../../../src/say.js';
export { optionsOf } from '../../../js/words.ts';
export * from './files.mjs';
export * from './reading.mjs';
export * from './requests.mjs';
export * from './toy.mjs';
export * from './upload.mjs';
export * from './wait.mjs';
