// One file that cannot be read must not stop the rest, and must not be passed over in silence.
import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { drop, finished } from './element.mjs';
import { open, tree } from './harness.mjs';
import { filesOf, verify } from './verify.mjs';

const NOBODY = 65534;

test('a file without permission fails by name, the rest arrives', async (t) => {
  const folder = await tree(t, 'mixed', { 'a.txt': 'a', 'secret.txt': 'secret', 'sub/b.txt': 'b' });
  await chmod(`${folder}/secret.txt`, 0o000);
  // Root may read everything, so under root the browser runs as nobody.
  await chmod(dirname(folder), 0o755);
  const { server, page } = await open(t, { browserOptions: process.getuid() === 0 ? { user: NOBODY } : {} });
  await drop(page, [folder]);
  const end = await finished(page);
  assert.deepEqual([end.phase, end.count, end.failed], ['complete', '2 of 3', '1']);
  const row = end.rows.find(({ path }) => path === 'mixed/secret.txt');
  assert.ok(row.status === 'failed' && row.reason !== '', JSON.stringify(end.rows));
  const sources = await filesOf(folder);
  sources.delete('mixed/secret.txt');
  await verify(server, await server.newestBatch(), sources);
});

test('a name that is no Unicode fails, the rest arrives', async (t) => {
  const folder = await tree(t, 'bytes', { 'a.txt': 'a', 'z.txt': 'z' });
  const sources = await filesOf(folder);
  await writeFile(Buffer.concat([Buffer.from(`${folder}/bad`), Buffer.from([0xff])]), 'no page can open this');
  const { server, page } = await open(t);
  await drop(page, [folder]);
  const end = await finished(page);
  assert.deepEqual([end.phase, end.count, end.failed], ['complete', '2 of 3', '1'], JSON.stringify(end));
  await verify(server, await server.newestBatch(), sources);
});
