// The other ways in: chosen files, pasted files, several drops, and files that share a name.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { choose, drop, finished } from './element.mjs';
import { open, tree } from './harness.mjs';
import { filesOf, verify } from './verify.mjs';

test('files of the file dialogue', async (t) => {
  const folder = await tree(t, 'loose', { 'a.txt': 'a', 'b.bin': Buffer.alloc(3 << 20, 'b') });
  const { server, page } = await open(t);
  await choose(page, [join(folder, 'a.txt'), join(folder, 'b.bin')]);
  const end = await finished(page);
  assert.deepEqual([end.count, end.failed], ['2 of 2', '0']);
  await verify(server, await server.newestBatch(), new Map([['a.txt', join(folder, 'a.txt')], ['b.bin', join(folder, 'b.bin')]]));
});

test('two files of one name: one document, and the other is told why not', async (t) => {
  const folder = await tree(t, 'twins', { 'first/x.txt': 'the first', 'second/x.txt': 'the second' });
  const { server, page } = await open(t);
  const [first, second] = ['first', 'second'].map((part) => join(folder, part, 'x.txt'));
  await choose(page, [first, second]);
  const end = await finished(page);
  assert.deepEqual(end.rows.map(({ status }) => status).sort(), ['committed', 'rejected'], JSON.stringify(end.rows));
  assert.notEqual(end.rows.find(({ status }) => status === 'rejected').reason, '');
  await verify(server, await server.newestBatch(), new Map([['x.txt', first]]));
});

test('a folder and loose files in one drop', async (t) => {
  const folder = await tree(t, 'both', { 'in/one.txt': '1', 'loose.txt': '2' });
  const { server, page } = await open(t);
  await drop(page, [join(folder, 'in'), join(folder, 'loose.txt')]);
  const end = await finished(page);
  assert.deepEqual([end.count, end.failed], ['2 of 2', '0']);
  const sources = await filesOf(join(folder, 'in'));
  await verify(server, await server.newestBatch(), sources.set('loose.txt', join(folder, 'loose.txt')));
});

test('pasted files', async (t) => {
  const folder = await tree(t, 'clipboard', { 'pasted.txt': 'from the clipboard' });
  const { server, page } = await open(t);
  // The clipboard of a headless browser takes no files: the event is made, with a file of the same content.
  await page.evaluate(() => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File(['from the clipboard'], 'pasted.txt'));
    document.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  });
  const end = await finished(page);
  assert.deepEqual([end.count, end.failed], ['1 of 1', '0']);
  await verify(server, await server.newestBatch(), new Map([['pasted.txt', join(folder, 'pasted.txt')]]));
});
