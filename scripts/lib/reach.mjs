// What a browser downloads for an entry of dist/.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from './run.mjs';

/** What comes before an upload, and after it. A page that only uploads never loads it, so it is measured by itself. */
export const LATER = ['before.js', 'after.js'];

/** A module of dist/ and all that it imports, now or later, but for what an upload does without: file name to code. */
export async function reach(name, found = new Map()) {
  if (found.has(name)) return found;
  const code = await readFile(join(ROOT, 'dist', name), 'utf8');
  found.set(name, code);
  for (const [, next] of code.matchAll(/(?:from|import)\s*\(?\s*"\.\/([\w-]+\.js)"/g)) {
    if (!LATER.includes(next)) await reach(next, found);
  }
  return found;
}

/** What everybody needs to upload: the package and its worker. */
export async function core() {
  return reach('worker.js', await reach('index.js'));
}
