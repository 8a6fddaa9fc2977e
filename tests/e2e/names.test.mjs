// Names as people and programs make them. What Linux can store and Chromium can read must arrive under that very name.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { chooseFolder, drop, finished } from './element.mjs';
import { open, tree } from './harness.mjs';
import { filesOf, verify } from './verify.mjs';

const NAMES = [
  'plain.txt', "it's.txt", 'say "hi".txt', 'two\nlines.txt', 'carriage\rreturn.txt', 'tab\there.txt', 'a..b', '..hidden', '...', '.gitignore',
  'per%20cent', '100%', '#hash', 'what?', 'back\\slash', 'semi;colon', 'a&b=c', '<b>bold</b>', 'pipe|star*colon:', ' leading', 'trailing ',
  'trailing.', '~tilde', '$HOME', '`tick`', '{brace}', 'emoji 😀👩‍👩‍👧', '日本語.txt', 'עברית.txt',
  'caf\u00e9 composed', 'cafe\u0301 decomposed', 'zero\u200bwidth', 'right\u202eto-left',
  // Names that Chromium's file handles keep to themselves, because other systems could not store them.
  'con', 'nul.txt', 'desktop.ini', 'Thumbs.db', 'link.lnk', 'link.url', 'x.local', 'x.crdownload',
  'n'.repeat(255), `${'é'.repeat(127)}x`, '😀'.repeat(63),
  'manifest', '__proto__', 'constructor',
];
const FOLDERS = ['..d', 'q?d', 'sp d ', 'x.lnk', 'new\nline', '__proto__'];

test('names with everything that a name may have, dropped', async (t) => {
  const contents = Object.create(null);
  for (const [i, name] of NAMES.entries()) contents[name] = `content ${i}`;
  for (const name of FOLDERS) contents[`folders/${name}/file`] = `in ${name}`;
  const folder = await tree(t, 'names 100% #1', contents);
  const { server, page } = await open(t);
  await drop(page, [folder]);
  const end = await finished(page);
  assert.deepEqual([end.phase, end.failed], ['complete', '0'], end.notice);
  const { files } = await verify(server, await server.newestBatch(), await filesOf(folder));
  assert.equal(files, NAMES.length + FOLDERS.length);
});

test('empty files, empty folders and deep nesting, dropped', async (t) => {
  const deep = Array.from({ length: 100 }, (_, i) => `level ${i}`).join('/');
  const folder = await tree(t, 'shapes', { empty: '', 'also/empty.txt': '', [`${deep}/bottom.txt`]: 'deep', 'one byte': '1' });
  await mkdir(join(folder, 'nothing/in/here'), { recursive: true });
  const { server, page } = await open(t);
  await drop(page, [folder]);
  const end = await finished(page);
  assert.deepEqual([end.phase, end.failed], ['complete', '0'], end.notice);
  assert.deepEqual(await verify(server, await server.newestBatch(), await filesOf(folder)), { files: 4, bytes: 5 });
});

test('a folder with nothing in it ends, and says so', async (t) => {
  const folder = await tree(t, 'hollow', {});
  await mkdir(join(folder, 'inner'));
  const { page } = await open(t);
  await drop(page, [folder]);
  const end = await finished(page);
  assert.equal(end.notice, 'There were no files in what was added.');
});

test('the folder dialogue gives the same documents as a drop', async (t) => {
  // A backslash is left out: Chromium itself makes it a slash in webkitRelativePath.
  const names = NAMES.filter((name) => !name.includes('\\'));
  const folder = await tree(t, 'chosen', Object.fromEntries(names.map((name) => [`sub/${name}`, name])));
  const { server, page } = await open(t);
  await chooseFolder(page, folder);
  const end = await finished(page);
  assert.deepEqual([end.phase, end.failed], ['complete', '0'], end.notice);
  await verify(server, await server.newestBatch(), await filesOf(folder));
});
