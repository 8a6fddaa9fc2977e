// A person at the buttons: pause, resume, cancel, remove, retry. The gate makes the moment of each click the same every time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { act, cancel, drop, figures, finished, phase, press, rows, shown, status } from './element.mjs';
import { open, tree } from './harness.mjs';
import { filesOf, verify } from './verify.mjs';

const rowOf = async (page, path) => (await shown(page)).rows.find((row) => row.path === path);

function some(t, number = 3) {
  return tree(t, 'files', Object.fromEntries(Array.from({ length: number }, (_, i) => [`${i}.txt`, `this is file ${i}`])));
}

/** Every document of every batch. */
async function documents(server) {
  const found = [];
  for await (const { id } of server.list('/v1/batches', 'batches')) {
    for await (const { path } of server.list(`/v1/batches/${id}/documents`, 'documents')) found.push(path);
  }
  return found;
}

test('pause holds the upload, resume ends it', async (t) => {
  const folder = await some(t);
  const { server, page, gate } = await open(t, { gated: true });
  gate.hold();
  await drop(page, [folder]);
  await rows(page, 3);
  await press(page, 'pause');
  await phase(page, 'paused');
  gate.release();
  // Whatever was under way is answered now. That nothing follows can only be watched for a while.
  await new Promise((watched) => setTimeout(watched, 1000));
  assert.equal((await shown(page)).phase, 'paused');
  assert.deepEqual(await documents(server), []);
  await press(page, 'resume');
  const end = await finished(page);
  assert.deepEqual([end.phase, end.count, end.failed], ['complete', '3 of 3', '0']);
  await verify(server, await server.newestBatch(), await filesOf(folder));
});

test('cancel ends the upload, and nothing more is sent', async (t) => {
  const folder = await some(t);
  const { server, page, gate } = await open(t, { gated: true });
  gate.hold();
  await drop(page, [folder]);
  await rows(page, 3);
  await cancel(page);
  const end = await finished(page);
  assert.equal(end.phase, 'cancelled');
  assert.match(end.notice, /^Cancelled\. 0 files/);
  assert.ok(end.rows.every(({ status }) => status === 'cancelled'), JSON.stringify(end.rows));
  gate.release();
  await new Promise((watched) => setTimeout(watched, 500));
  assert.deepEqual(await documents(server), []);
});

test('a removed file stays away, the others arrive', async (t) => {
  const folder = await some(t);
  const { server, page, gate } = await open(t, { gated: true });
  gate.hold();
  await drop(page, [folder]);
  await rows(page, 3);
  await act(page, 'remove', 'files/1.txt');
  await status(page, 'files/1.txt', 'cancelled');
  gate.release();
  const end = await finished(page);
  assert.equal((await rowOf(page, 'files/1.txt')).status, 'cancelled');
  assert.equal(end.phase, 'complete');
  const sources = await filesOf(folder);
  sources.delete('files/1.txt');
  await verify(server, await server.newestBatch(), sources);
});

test('a paused file waits, the others arrive, and it arrives when it is resumed', async (t) => {
  const folder = await some(t);
  const { server, page, gate } = await open(t, { gated: true });
  gate.hold();
  await drop(page, [folder]);
  await rows(page, 3);
  await act(page, 'pause', 'files/1.txt');
  await status(page, 'files/1.txt', 'paused');
  gate.release();
  await phase(page, 'paused');
  await status(page, 'files/0.txt', 'committed');
  await status(page, 'files/2.txt', 'committed');
  assert.deepEqual((await documents(server)).sort(), ['files/0.txt', 'files/2.txt']);
  await act(page, 'resume', 'files/1.txt');
  const end = await finished(page);
  assert.deepEqual([end.phase, end.count, end.failed], ['complete', '3 of 3', '0']);
  await verify(server, await server.newestBatch(), await filesOf(folder));
});

test('what failed says why, and a retry brings it', async (t) => {
  const folder = await some(t);
  const { server, page, gate } = await open(t, { gated: true });
  gate.answer = ({ method, url }) => (method === 'POST' && url.endsWith('/documents') ? 403 : undefined);
  await drop(page, [folder]);
  const failed = await finished(page);
  assert.deepEqual([failed.phase, failed.failed], ['complete', '3']);
  for (const { status, reason } of failed.rows) assert.ok(status === 'failed' && reason !== '', JSON.stringify(failed.rows));
  gate.answer = () => undefined;
  await press(page, 'retry');
  await figures(page, '3 of 3');
  const end = await shown(page);
  assert.deepEqual([end.count, end.failed], ['3 of 3', '0']);
  await verify(server, await server.newestBatch(), await filesOf(folder));
});

test('a server that stumbles is asked again until it has everything', async (t) => {
  const folder = await some(t, 20);
  const { server, page, gate } = await open(t, { gated: true });
  const statuses = [503, 500, undefined, 429];
  gate.answer = ({ method }) => (method === 'POST' ? statuses.shift() : undefined);
  await drop(page, [folder]);
  const end = await finished(page);
  assert.deepEqual([end.phase, end.count, end.failed], ['complete', '20 of 20', '0']);
  assert.deepEqual(statuses, [], 'every stumble was met');
  await verify(server, await server.newestBatch(), await filesOf(folder));
});
