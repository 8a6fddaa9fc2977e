// node scripts/element-size.mjs: what `cloudindex-uploader/element` adds to the package's core, as brotli; fails when it is more than promised.
import { brotliCompressSync } from 'node:zlib';
import { core, reach } from './lib/reach.mjs';
import { Complaint, command } from './lib/run.mjs';

/** Every language counts, though a page loads one at most. */
const LIMIT = 30_000;

await command(async () => {
  const shared = await core();
  const added = [...await reach('element.js')].filter(([name]) => !shared.has(name));
  const files = added.map(([name, code]) => ({ name, raw: Buffer.byteLength(code), brotli: brotliCompressSync(code).length }));
  const brotli = files.reduce((sum, file) => sum + file.brotli, 0);
  console.log(JSON.stringify({ files, brotli, limit: LIMIT }, undefined, 2));
  if (files.length < 4) throw new Complaint('dist/ does not have the element and its languages');
  if (brotli > LIMIT) throw new Complaint(`${brotli} bytes of brotli are over the limit of ${LIMIT}`);
});
