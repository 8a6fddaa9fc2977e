// npm run build: wasm, facade, page and server.
import { build } from './lib/build.mjs';
import { command } from './lib/run.mjs';

await command(build);
