// The API reference: every entry, every name that it exports, and none of what is internal.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { reference } from '../../scripts/docs/api.mjs';
import { API } from '../../scripts/docs/pages.mjs';
import { ROOT } from '../../scripts/lib/run.mjs';
import { source } from './tables.mjs';

const { exports } = JSON.parse(await source('package.json'));
const pages = new Map(reference(API).pages);
const headings = (to) => [...pages.get(to).matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
const typed = Object.entries(exports).filter(([entry, where]) => where.types && entry !== './worker');

test('every entry of the package with types has a page, and of its own types', () => {
  const wanted = typed.map(([entry, { types }]) => [`cloudindex-uploader${entry.slice(1)}`, types.slice(2)]);
  assert.deepEqual(API.map(({ entry, types }) => [entry, types]), wanted);
});

test('what an entry exports when it runs is explained on its page', async () => {
  for (const { entry, to } of API) {
    const module = await import(pathToFileURL(join(ROOT, exports[`.${entry.slice('cloudindex-uploader'.length)}`].default)));
    assert.deepEqual(Object.keys(module).filter((name) => !headings(to).includes(name)), [], entry);
  }
});

test('types that are exported are there, and comments with them', async () => {
  const index = await source('js/index.ts');
  const named = [...index.matchAll(/export (?:type )?\{ ([^}]+) \}/g)].flatMap(([, names]) => names.split(', '));
  const more = [...(await source('js/types.ts')).matchAll(/^export (?:interface|type) (\w+)/gm)].map(([, name]) => name);
  assert.ok(named.length > 15 && more.length > 15);
  assert.deepEqual([...named, ...more].filter((name) => !headings('api.html').includes(name)), []);
  assert.ok(pages.get('api.html').includes('| `concurrency?: number` | Requests in flight. Default 5. |'));
});

test('what is internal stays out', () => {
  for (const [to, text] of pages) assert.doesNotMatch(text, /#private|@internal|\bopenAll\b|\/\*\*/, to);
});
