// npm run sizes: what a browser downloads, file by file, raw and as brotli, as JSON: the core, which is all that an upload needs, and apart
// from it what the first call of something that comes after (search, verify, watch, …) loads. Fails when either is more than promised.
// scripts/element-size.mjs has the element.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { build } from './lib/build.mjs';
import { AFTER, core, reach } from './lib/reach.mjs';
import { Complaint, ROOT, command } from './lib/run.mjs';

// Bytes of brotli, wasm and JavaScript together: what is promised.
const LIMIT = 75_000;
/** Of what is loaded later, beside the core. */
const LIMIT_AFTER = 4_000;

await command(async () => {
  await build();
  const dist = join(ROOT, 'dist');
  const shared = await core();
  const files = await measured((await readdir(dist)).filter((name) => name.endsWith('.wasm') || shared.has(name)));
  const total = sum(files);
  const later = await measured([...(await reach(AFTER)).keys()].filter((name) => !shared.has(name)));
  const after = sum(later);
  console.log(JSON.stringify({ files, total, limit: LIMIT, after: { files: later, total: after, limit: LIMIT_AFTER } }, undefined, 2));
  if (!files.some(({ name }) => name.endsWith('.wasm'))) throw new Complaint('dist/ has no wasm');
  if (total.brotli > LIMIT) throw new Complaint(`${total.brotli} bytes of brotli are over the limit of ${LIMIT}`);
  if (after.brotli > LIMIT_AFTER) throw new Complaint(`${after.brotli} bytes of brotli after the upload are over the limit of ${LIMIT_AFTER}`);
});

function measured(names) {
  return Promise.all(names.sort().map(async (name) => ({ name, ...measure(await readFile(join(ROOT, 'dist', name))) })));
}

function measure(content) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  return { raw: content.length, brotli: brotliCompressSync(content, { params }).length };
}

function sum(files) {
  const of = (key) => files.reduce((total, file) => total + file[key], 0);
  return { raw: of('raw'), brotli: of('brotli') };
}
