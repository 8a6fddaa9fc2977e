// What an application's compiler reads of the package: nothing that it need not have.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../scripts/lib/run.mjs';

const { exports, peerDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));

for (const [entry, { types }] of Object.entries(exports).filter(([, where]) => where.types)) {
  test(`the types of ${entry} ask for no package but those that it adapts`, async () => {
    const { files, packages } = await reach(join(ROOT, types));
    assert.ok(files.size > 0);
    assert.deepEqual([...packages].filter((name) => !(name in peerDependencies)), []);
  });
}

/** A file of types and all that it imports: the files, and the packages. */
async function reach(path, found = { files: new Set(), packages: new Set() }) {
  if (found.files.has(path)) return found;
  found.files.add(path);
  for (const [, to] of (await readFile(path, 'utf8')).matchAll(/\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)) {
    if (to.startsWith('.')) await reach(join(dirname(path), to.replace(/\.js$/, '.d.ts')), found);
    else found.packages.add(to);
  }
  return found;
}
