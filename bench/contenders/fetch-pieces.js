// One file in pieces of 32 MiB, six at a time.
import { ok, pool } from './lib/requests.js';

const PIECE = 32 * 1024 * 1024;

export async function upload(files) {
  for (const [i, file] of [...files].entries()) {
    const starts = Array.from({ length: Math.ceil(file.size / PIECE) }, (_, n) => n * PIECE);
    await pool(starts, 6, async (start) => {
      const body = file.slice(start, start + PIECE);
      const headers = { 'content-range': `bytes ${start}-${start + body.size - 1}/${file.size}` };
      ok(await fetch(`/chunks/${i}/${encodeURIComponent(file.name)}`, { method: 'PUT', headers, body }));
    });
  }
  return files.length;
}
