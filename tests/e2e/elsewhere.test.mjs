// The package's modules come from another origin than the page, as from a CDN: what a browser allows of that, and `workerUrl`.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openBlank, tree } from './harness.mjs';
import { Gate } from './gate.mjs';
import { KEY } from './server.mjs';
import { verify } from './verify.mjs';

const FILES = { 'a.txt': 'a', 'b.bin': Buffer.alloc(2_000_000, 'b') };

for (const [how, workers] of [['no workerUrl', 0], ['an address', 1], ['an absolute address', 1], ['a function', 1]]) {
  test(`modules of another origin, ${how}: uploads ${workers ? 'from a worker' : 'on the page'}`, async (t) => {
    const { page, cdn, server, sources } = await elsewhere(t);
    const batch = await page.evaluate(async (cdn, how, apiKey) => {
      const workerUrl = {
        'an address': '/dist/worker.js',
        'an absolute address': new URL('/dist/worker.js', location.href),
        'a function': () => new Worker('/dist/worker.js', { type: 'module' }),
      }[how];
      const { Uploader, cloudindex } = await import(`${cdn}/dist/index.js`);
      const uploader = new Uploader({ target: cloudindex({ apiKey, ...(workerUrl && { workerUrl }) }) });
      const over = new Promise((complete, fail) => {
        uploader.addEventListener('complete', complete);
        uploader.addEventListener('error', ({ detail }) => fail(detail));
      });
      uploader.add(document.querySelector('#files').files);
      await over;
      return uploader.batchId;
    }, cdn.url, how, KEY);
    await verify(server, batch, sources);
    const sent = () => performance.getEntriesByType('resource').some(({ name }) => name.includes('/v1/'));
    assert.equal(await page.evaluate(sent), workers === 0);
    assert.equal((await page.evaluateInWorkers(sent)).filter(Boolean).length, workers);
  });
}

test('a workerUrl that is nothing of the kind is refused by name', async (t) => {
  const { page, cdn } = await elsewhere(t);
  const message = await page.evaluate(async (cdn) => {
    const { cloudindex } = await import(`${cdn}/dist/index.js`);
    try {
      cloudindex({ workerUrl: 5 });
    } catch (error) {
      return `${error.code}: ${error.message}`;
    }
  }, cdn.url);
  assert.match(message, /^invalid_option: .*workerUrl/);
});

test('a worker that does not start leaves the work to the page', async (t) => {
  const { page, cdn, server, sources } = await elsewhere(t);
  const batch = await page.evaluate(async (cdn, apiKey) => {
    const { Uploader, cloudindex } = await import(`${cdn}/dist/index.js`);
    const workerUrl = () => { throw new Error('no worker today'); };
    const uploader = new Uploader({ target: cloudindex({ apiKey, workerUrl }) });
    const over = new Promise((complete) => uploader.addEventListener('complete', complete));
    uploader.add(document.querySelector('#files').files);
    await over;
    return uploader.batchId;
  }, cdn.url, KEY);
  await verify(server, batch, sources);
});

async function elsewhere(t) {
  const folder = await tree(t, 'files', FILES);
  const { server, page } = await openBlank(t);
  const cdn = await Gate.before(server);
  t.after(() => cdn.close());
  cdn.headers = { 'access-control-allow-origin': '*' };
  await page.inNewWorkers(() => {});
  const sources = new Map(Object.keys(FILES).map((name) => [name, join(folder, name)]));
  await page.choose('#files', [...sources.values()]);
  return { server, page, cdn, sources };
}
