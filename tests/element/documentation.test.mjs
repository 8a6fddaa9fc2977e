// docs/element.md as it stands: its page, and all its JavaScript in one.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../scripts/lib/run.mjs';
import { tree } from '../e2e/harness.mjs';
import { finished, open, until } from './harness.mjs';

const text = await readFile(join(ROOT, 'docs/element.md'), 'utf8');
const blocks = (language) => [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, block]) => block);

/** The page of a test, served in place of the usual one. */
async function openPage(t, html) {
  return open(t, { key: 'your_api_key', prepare: (folder) => writeFile(join(folder, 'index.html'), html) });
}

test('the page of the documentation uploads a folder', async (t) => {
  const [html, ...more] = blocks('html');
  assert.equal(more.length, 0);
  const { page, server } = await openPage(t, html);
  await page.drop('cloudindex-uploader', [await tree(t, 'cases', { 'a.txt': 'a', 'b/c.txt': 'c' })]);
  assert.deepEqual((await finished(page)).counts, ['2', '0', '2', '0']);
  assert.equal((await server.json(`/v1/batches/${await server.newestBatch()}`)).name, 'Manuals');
});

test('the scripts and styles of the documentation do what they say', async (t) => {
  const scripts = blocks('javascript');
  const [css] = blocks('css');
  assert.ok(scripts.length > 2 && css);
  const imports = { 'cloudindex-uploader': './dist/index.js', 'cloudindex-uploader/element': './dist/element.js' };
  const { page } = await openPage(t, `<!doctype html><html lang="en"><script type="importmap">${JSON.stringify({ imports })}</script><style>${css}</style>
    <cloudindex-uploader></cloudindex-uploader><script type="module">${scripts.join('\n')}</script>`);
  await until(page, (root) => root.querySelector('.lead').textContent === 'Drop your case files');
  await page.drop('cloudindex-uploader', [await tree(t, 'cases', { 'a.txt': 'a' })]);
  const { rows, counts } = await finished(page);
  assert.deepEqual([rows.length, counts], [1, ['1', '0', '1', '0']]);
  await until(page, (root) => root.querySelector('.status').textContent === 'Filed');
  assert.ok(page.log.includes('log: 1 arrived'), page.log.join('\n'));
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.base')).borderRadius), '4px');
  assert.deepEqual(page.log.filter((line) => line.startsWith('uncaught')), []);
});

test('attributes, parts, variables, events and keys of texts: what is documented is there, and what is there is documented', async () => {
  const read = (name) => readFile(join(ROOT, 'js/element', name), 'utf8');
  const all = (code, pattern) => [...new Set([...code.matchAll(pattern)].flatMap(([, names]) => names.split(' ')))].filter((name) => !name.includes('$'));
  const templates = (await Promise.all(['element.ts', 'files.ts', 'panels.ts', 'row.ts', 'chart.ts'].map(read))).join('');
  const parts = all(templates, /part="([^"]+)"/g);
  const variables = all(await read('style.ts'), /var\(--cloudindex-([\w-]+)/g);
  const table = /ATTRIBUTES[^{]*\{([\s\S]*?)^\};/m.exec(await read('options.ts'))[1];
  const attributes = all(table, /^ {2}'?([\w-]+)'?: \[/gm);
  assert.ok(parts.length > 15 && variables.length > 10 && attributes.length > 15, `${parts} ${variables} ${attributes}`);
  for (const name of [...parts, ...attributes]) assert.ok(new RegExp(`\`${name}[\`="]`).test(text), `${name} is not documented`);
  for (const name of variables) assert.ok(new RegExp(`\`(?:--cloudindex)?-${name}\``).test(text), `--cloudindex-${name} is not documented`);
  const named = [...text.matchAll(/^Parts: ([\s\S]*?)\n\n/gm)].flatMap(([, list]) => [...list.matchAll(/`([\w-]+)`/g)].map(([, name]) => name));
  assert.deepEqual(named.filter((name) => !parts.includes(name) && !/^button-/.test(name)), []);
});
