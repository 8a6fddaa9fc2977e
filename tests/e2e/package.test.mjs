// The published package in an application's own page.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openBlank, tree } from './harness.mjs';
import { KEY } from './server.mjs';
import { verify } from './verify.mjs';

const FILES = { 'a.txt': 'a', 'big.bin': Buffer.alloc(2_500_000, 'big'), 'c.txt': 'ccc' };

test('without a worker the same files arrive', async (t) => {
  const { server, page, sources } = await chosen(t);
  const seen = await page.evaluate(async (apiKey) => {
    // Were a worker started in spite of the option, this would tell.
    globalThis.Worker = class { constructor() { throw new Error('a worker was started'); } };
    const { CloudIndex } = await import('/dist/index.js');
    const cloudindex = new CloudIndex({ apiKey, worker: false });
    const batch = await cloudindex.batches.create({ name: 'no worker' });
    const percents = [];
    const results = await cloudindex.documents.uploadBatch(document.querySelector('#files').files, {
      batchId: batch.id,
      onProgress: ({ percent }) => percents.push(percent),
    });
    return { batchId: batch.id, percents, results: results.map(({ path, status }) => [path, status]) };
  }, KEY);
  assert.deepEqual(seen.results, Object.keys(FILES).map((name) => [name, 'committed']));
  assert.ok(seen.percents.every((percent, i) => i === 0 || percent >= seen.percents[i - 1]), `fell: ${seen.percents}`);
  assert.equal(seen.percents.at(-1), 100);
  await verify(server, seen.batchId, sources);
});

test('a file over the limit is refused by name before a byte of it is sent, the rest arrives', async (t) => {
  const { server, page, sources } = await chosen(t);
  const seen = await page.evaluate(async (apiKey) => {
    const { Uploader, cloudindex } = await import('/dist/index.js');
    const uploader = new Uploader({ target: cloudindex({ apiKey }), limits: { maxFileSize: '1MB' } });
    const rejected = [];
    uploader.addEventListener('filerejected', ({ detail: { path, error } }) => rejected.push({ path, type: error.type, message: error.message }));
    const over = new Promise((complete) => uploader.addEventListener('complete', complete));
    uploader.add(document.querySelector('#files').files);
    const { results } = (await over).detail;
    return { batchId: uploader.batchId, rejected, results: results.map(({ path, status }) => [path, status]) };
  }, KEY);
  assert.deepEqual(seen.results, [['a.txt', 'committed'], ['big.bin', 'rejected'], ['c.txt', 'committed']]);
  assert.deepEqual(seen.rejected.map(({ path, type }) => [path, type]), [['big.bin', 'validation']]);
  assert.match(seen.rejected[0].message, /maxFileSize|limit|1/);
  sources.delete('big.bin');
  await verify(server, seen.batchId, sources);
});

test('a wrong key rejects with an UploadError that says so', async (t) => {
  const { page } = await chosen(t);
  const error = await page.evaluate(async () => {
    const { CloudIndex, UploadError } = await import('/dist/index.js');
    try {
      await new CloudIndex({ apiKey: 'wrong' }).documents.uploadBatch(document.querySelector('#files').files);
      return 'it was accepted';
    } catch (error) {
      return { isUploadError: error instanceof UploadError, code: error.code, retryable: error.retryable };
    }
  });
  assert.deepEqual(error, { isUploadError: true, code: 'unauthorized', retryable: false });
});

/** An application's page whose file input has FILES chosen. */
async function chosen(t) {
  const folder = await tree(t, 'files', FILES);
  const { server, page } = await openBlank(t);
  const sources = new Map(Object.keys(FILES).map((name) => [name, join(folder, name)]));
  await page.choose('#files', [...sources.values()]);
  return { server, page, sources };
}
