// npm run sizes: what a browser downloads, file by file, raw and as brotli, as JSON: the core, which is all that an upload needs, and apart
// from it what the first call of something beside an upload (validate, search, verify, watch, …) loads. Fails when either is more than promised.
// scripts/element-size.mjs has the element.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { build } from './lib/build.mjs';
import { LATER, core, reach } from './lib/reach.mjs';
import { Complaint, ROOT, command } from './lib/run.mjs';

// Bytes of brotli, wasm and JavaScript together: what is promised.
const LIMIT = 75_000;
/** Of each module that is loaded later, beside the core. */
const LIMIT_LATER = 4_000;

await command(async () => {
  await build();
  const dist = join(ROOT, 'dist');
  const shared = await core();
  const files = await measured((await readdir(dist)).filter((name) => name.endsWith('.wasm') || shared.has(name)));
  const total = sum(files);
  const later = await Promise.all(LATER.map(async (name) => measured([...(await reach(name)).keys()].filter((file) => !shared.has(file)))));
  console.log(JSON.stringify({ files, total, limit: LIMIT, later: later.map((files) => ({ files, total: sum(files), limit: LIMIT_LATER })) }, undefined, 2));
  if (!files.some(({ name }) => name.endsWith('.wasm'))) throw new Complaint('dist/ has no wasm');
  if (total.brotli > LIMIT) throw new Complaint(`${total.brotli} bytes of brotli are over the limit of ${LIMIT}`);
  for (const files of later) {
    const { brotli } = sum(files);
    if (brotli > LIMIT_LATER) throw new Complaint(`${files[0].name}: ${brotli} bytes of brotli are over the limit of ${LIMIT_LATER}`);
  }
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
