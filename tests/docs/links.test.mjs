// Every relative link and anchor of the Markdown files leads somewhere: on GitHub, and on the site.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { test } from 'node:test';
import { marked } from 'marked';
import { plain, slug, target } from '../../scripts/docs/markdown.mjs';
import { GROUPS, PAGES } from '../../scripts/docs/pages.mjs';
import { files } from '../../scripts/lib/build.mjs';
import { ROOT } from '../../scripts/lib/run.mjs';

const documents = [...new Set([...PAGES.keys(), ...(await files(join(ROOT, 'docs'))).map((path) => path.slice(ROOT.length)).filter((path) => path.endsWith('.md'))])];
const parsed = new Map(await Promise.all(documents.map(async (path) => [path, parse(await readFile(join(ROOT, path), 'utf8'))])));

function parse(text) {
  const [links, anchors, taken] = [[], new Set(), new Map()];
  marked.walkTokens(marked.lexer(text), (token) => {
    if (token.type === 'link' || token.type === 'image') links.push(token.href);
    if (token.type === 'heading') anchors.add(slug(plain(token.tokens), taken));
  });
  return { links, anchors };
}

test('every document is a page of the site, in its sidebar', () => {
  assert.deepEqual(documents.filter((path) => !PAGES.has(path)), []);
});

test('links and anchors of the Markdown files', () => {
  const wrong = [];
  let count = 0;
  for (const [path, { links }] of parsed) {
    for (const href of links) {
      const to = target(path, href);
      if (!to) continue;
      count++;
      if (!existsSync(join(ROOT, to.path))) wrong.push(`${path}: ${href}: there is no ${to.path}`);
      else if (to.anchor && parsed.has(to.path) && !parsed.get(to.path).anchors.has(to.anchor)) wrong.push(`${path}: ${href}: no such heading`);
    }
  }
  assert.ok(count > 50, `${count} links`);
  assert.deepEqual(wrong, []);
});

test('links, anchors and files of the site', async () => {
  const site = join(ROOT, 'dist/page/docs');
  const names = GROUPS.flatMap(({ pages }) => pages).map(({ to }) => to);
  const pages = new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(site, name), 'utf8')])));
  const ids = new Map([...pages].map(([name, html]) => [name, [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)]));
  const wrong = [];
  for (const [name, html] of pages) {
    const double = ids.get(name).filter((id, index, all) => all.indexOf(id) !== index);
    if (double.length > 0) wrong.push(`${name}: twice ${double}`);
    const all = [...html.matchAll(/ (?:href|src)="([^"]+)"/g), ...(name === 'index.html' ? (await found(site)).map((to) => [, to]) : [])];
    for (const [, href] of all) {
      if (/^[a-z]+:/.test(href) || href === '../') continue;
      const [path, id] = href.split('#');
      const to = path === '' ? name : posix.normalize(path);
      if (!existsSync(join(site, to))) wrong.push(`${name}: ${href}`);
      else if (id && !ids.get(to)?.includes(id)) wrong.push(`${name}: ${href}: no such id`);
    }
  }
  assert.deepEqual(wrong, []);
});

const found = async (site) => JSON.parse(await readFile(join(site, 'search.json'), 'utf8')).map(([, , to]) => to);
