// docs/errors.md against the codes of wire, engine and package, and against what they say of trying again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { files } from '../../scripts/lib/build.mjs';
import { ROOT } from '../../scripts/lib/run.mjs';
import { join, relative } from 'node:path';
import { codes, rows, source } from './tables.mjs';

const text = await source('docs/errors.md');
const documented = new Map(rows(text).filter((row) => row.length === 4 && row[0] !== 'code').map(([code, retry]) => [codes(code)[0], retry]));

/** All of a folder's files of a kind, in one. */
async function all(folder, kind) {
  const paths = (await files(join(ROOT, folder))).filter((path) => path.endsWith(kind));
  return (await Promise.all(paths.map((path) => source(relative(ROOT, path))))).join('\n');
}

const wire = await source('crates/wire/src/problem.rs');
const engine = await all('crates/engine/src', '.rs');
const package_ = await all('js', '.ts');
/** Constant to code. */
const constants = new Map([...(wire + await source('crates/engine/src/error.rs')).matchAll(/pub const (\w+): &str = "(\w+)"/g)].map(([, name, code]) => [name, code]));

test('every code is documented, and no other', () => {
  const own = [...package_.matchAll(/\b(?:invalid|broken)\(\s*'(\w+)'|code: '([a-z_]+)'/g)].map(([, a, b]) => a ?? b);
  assert.ok(constants.size > 20 && own.length > 5);
  const real = new Set([...constants.values(), ...own]);
  assert.deepEqual([...documented.keys()].toSorted(), [...real].toSorted());
});

test('the server gives no other codes', async () => {
  const given = [...(await all('server/src', '.rs')).matchAll(/codes::([A-Z_]+)/g)].map(([, name]) => constants.get(name));
  assert.ok(given.length > 15);
  assert.deepEqual(given.filter((code) => !documented.has(code)), []);
});

test('whether a retry helps is what the code says', () => {
  const server = [.../retryable: matches!\(\s*code,([^)]*)\)/.exec(wire)[1].matchAll(/codes::(\w+)/g)];
  const ours = [...engine.matchAll(/Failure::system\(codes::(\w+),(?:[^;]*?), true\)/g)];
  const yes = new Set([...server, ...ours].map(([, name]) => constants.get(name)));
  assert.ok(yes.size > 5);
  assert.deepEqual([...documented].filter(([, retry]) => retry === 'yes').map(([code]) => code).toSorted(), [...yes].toSorted());
  assert.deepEqual([...documented].filter(([, retry]) => !['yes', 'no'].includes(retry)), []);
});
