// Bundled by hand: forms of 100 files, three at a time.
import { ok, pool, slices } from './lib/requests.js';

export async function upload(files) {
  await pool(slices(files, 100), 3, async (some) => {
    const body = new FormData();
    for (const file of some) body.append('files', file);
    ok(await fetch('/form', { method: 'POST', body }));
  });
  return files.length;
}
