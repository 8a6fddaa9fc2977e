// npm run sizes: what a browser downloads of the core (scripts/element-size.mjs has the element), file by file, raw and as brotli, as JSON. Fails when it is more than promised.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { build } from './lib/build.mjs';
import { core } from './lib/reach.mjs';
import { Complaint, ROOT, command } from './lib/run.mjs';

// Bytes of brotli, wasm and JavaScript together: what is promised.
const LIMIT = 75_000;

await command(async () => {
  await build();
  const dist = join(ROOT, 'dist');
  const shared = await core();
  const names = (await readdir(dist)).filter((name) => name.endsWith('.wasm') || shared.has(name)).sort();
  const files = await Promise.all(names.map(async (name) => ({ name, ...measure(await readFile(join(dist, name))) })));
  const total = { raw: sum(files, 'raw'), brotli: sum(files, 'brotli') };
  console.log(JSON.stringify({ files, total, limit: LIMIT }, undefined, 2));
  if (!names.some((name) => name.endsWith('.wasm'))) throw new Complaint('dist/ has no wasm');
  if (total.brotli > LIMIT) throw new Complaint(`${total.brotli} bytes of brotli are over the limit of ${LIMIT}`);
});

function measure(content) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  return { raw: content.length, brotli: brotliCompressSync(content, { params }).length };
}

function sum(files, key) {
  return files.reduce((total, file) => total + file[key], 0);
}
