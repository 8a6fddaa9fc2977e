// What of the facade only a browser can show, on what is really published: workers, wasm, tokens, fetch.
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { after, before, test } from 'node:test';
import { Chromium } from '../e2e/cdp.mjs';
import { Page } from '../e2e/page.mjs';
import { KEY, Server } from '../e2e/server.mjs';

let server;
let browser;

before(async () => {
  server = await Server.start();
  browser = await Chromium.launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** An empty page of the server's origin. `answer(path)` may change what the network gives: `{ status, type, csp, fail }`. */
async function open(answer = () => undefined) {
  const page = await Page.open(browser, 'about:blank');
  const requested = [];
  browser.on('Fetch.requestPaused', async ({ requestId, request }) => {
    const path = new URL(request.url).pathname;
    const mine = request.url.startsWith(server.url);
    const change = mine ? answer(path) : undefined;
    try {
      if (path === '/blank') {
        await page.send('Fetch.fulfillRequest', {
          requestId,
          responseCode: 200,
          responseHeaders: [{ name: 'content-type', value: 'text/html' }, ...(change?.csp ? [{ name: 'content-security-policy', value: change.csp }] : [])],
          body: Buffer.from('<!doctype html><title>blank</title>').toString('base64'),
        });
      } else if (change?.fail) await page.send('Fetch.failRequest', { requestId, errorReason: 'Failed' });
      else if (change?.body !== undefined) {
        await page.send('Fetch.fulfillRequest', {
          requestId,
          responseCode: change.status ?? 200,
          responseHeaders: [{ name: 'content-type', value: change.type }],
          body: Buffer.from(change.body).toString('base64'),
        });
      } else await page.send('Fetch.continueRequest', { requestId });
      requested.push(path);
    } catch {
      // Another page's request, or the page is gone.
    }
  });
  await page.send('Fetch.enable', { patterns: [{ urlPattern: `${server.url}/blank*` }, { urlPattern: `${server.url}/dist/*` }] });
  await page.goto(`${server.url}/blank`);
  await page.evaluate(() => {
    globalThis.workers = 0;
    const Real = globalThis.Worker;
    globalThis.Worker = class extends Real {
      constructor(...given) {
        super(...given);
        globalThis.workers++;
      }
    };
    globalThis.files = (count) => Array.from({ length: count }, (_, i) => new File([`content of ${i}`], `file ${i}.txt`, { type: 'text/plain' }));
    globalThis.plain = (error) => ({ name: error.name, code: error.code, type: error.type, message: error.message, status: error.status, retryable: error.retryable });
  });
  return { page, requested };
}

async function upload(page, options = {}) {
  return page.evaluate(async (apiKey, options) => {
    const { CloudIndex } = await import('/dist/index.js');
    const cloudindex = new CloudIndex({ apiKey, ...options });
    try {
      const results = await cloudindex.documents.uploadBatch(globalThis.files(5));
      return { statuses: [...new Set(results.map(({ status }) => status))], count: results.length, workers: globalThis.workers };
    } catch (error) {
      return { error: globalThis.plain(error), workers: globalThis.workers };
    }
  }, KEY, options);
}

/** The engine's, and those that read for it, on a machine of so many cores. */
const WORKERS = Math.min(4, availableParallelism());

const ALL_WELL = { statuses: ['committed'], count: 5 };

test('the engine runs in a worker; importing alone loads nothing', async () => {
  const { page, requested } = await open();
  await page.evaluate(() => import('/dist/index.js'));
  assert.deepEqual(requested.filter((path) => /wasm|worker/.test(path)), []);
  assert.deepEqual(await upload(page), { ...ALL_WELL, workers: WORKERS });
  assert.deepEqual(requested.filter((path) => path.endsWith('.wasm')).length, 1);
});

test('a strict Content-Security-Policy is enough', async () => {
  const csp = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";
  const { page } = await open(() => ({ csp }));
  assert.deepEqual(await upload(page), { ...ALL_WELL, workers: WORKERS });
});

test('no worker by policy: the page does the work', async () => {
  const csp = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'; connect-src 'self'";
  const { page } = await open(() => ({ csp }));
  const { workers, ...result } = await upload(page);
  assert.deepEqual(result, ALL_WELL);
});

test('a worker that does not load: the page does the work', async () => {
  const { page } = await open((path) => (path.endsWith('/worker.js') ? { fail: true } : undefined));
  assert.deepEqual(await upload(page), { ...ALL_WELL, workers: WORKERS });
});

test('a worker that breaks at its start: the page does the work', async () => {
  const { page } = await open((path) => (path.endsWith('/worker.js') ? { type: 'text/javascript', body: 'throw new Error("no")' } : undefined));
  assert.deepEqual(await upload(page), { ...ALL_WELL, workers: WORKERS });
});

test('a worker that only reads and does not load: the engine reads by itself', async () => {
  let asked = 0;
  const { page } = await open((path) => (path.endsWith('/worker.js') && (asked += 1) > 1 ? { fail: true } : undefined));
  assert.deepEqual(await upload(page), { ...ALL_WELL, workers: WORKERS });
});

test('worker: false', async () => {
  const { page } = await open();
  assert.deepEqual(await upload(page, { worker: false }), { ...ALL_WELL, workers: 0 });
});

test('wasm of the wrong media type is taken all the same', async () => {
  const { page } = await open();
  const { page: wrong } = await open();
  const bytes = await page.evaluate(async () => btoa(Array.from(new Uint8Array(await (await fetch('/dist/cloudindex_uploader_bg.wasm')).arrayBuffer()), (byte) => String.fromCharCode(byte)).join('')));
  const wasmUrl = await wrong.evaluate((bytes) => {
    const blob = new Blob([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], { type: 'application/octet-stream' });
    return URL.createObjectURL(blob);
  }, bytes);
  assert.deepEqual(await upload(wrong, { wasmUrl }), { ...ALL_WELL, workers: WORKERS });
});

test('wasm that is missing or forbidden is told with the fix', async () => {
  const { page } = await open((path) => (path.endsWith('.wasm') ? { status: 404, type: 'text/plain', body: '' } : undefined));
  const { error } = await upload(page);
  assert.equal(error.code, 'wasm_unavailable');
  assert.match(error.message, /cloudindex_uploader_bg\.wasm is answered by status 404.*wasmUrl/);

  const { page: strict } = await open(() => ({ csp: "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'" }));
  const forbidden = await upload(strict);
  assert.equal(forbidden.error.code, 'wasm_unavailable');
  assert.match(forbidden.error.message, /'wasm-unsafe-eval'/);
});

test('an own fetch sees every request', async () => {
  const { page } = await open();
  const seen = await page.evaluate(async (apiKey) => {
    const { CloudIndex } = await import('/dist/index.js');
    const seen = [];
    const own = (input, init) => {
      seen.push(new URL(typeof input === 'string' ? input : input.url, location.href).pathname.replace(/[\w-]{16,}/, 'ID'));
      return fetch(input, init);
    };
    const cloudindex = new CloudIndex({ apiKey, fetch: own });
    const batch = await cloudindex.batches.create({ name: 'own fetch' });
    await cloudindex.documents.uploadBatch(globalThis.files(3), { batchId: batch.id });
    return { seen, id: batch.id, workers: globalThis.workers };
  }, KEY);
  assert.equal(seen.workers, 0);
  assert.equal(seen.seen[0], '/v1/batches');
  assert.ok(seen.seen.some((path) => path.endsWith('/documents')), seen.seen.join());
});

test('a token that is refused is renewed once, for the call and for the upload', async () => {
  const { page } = await open();
  const result = await page.evaluate(async (apiKey) => {
    const { CloudIndex } = await import('/dist/index.js');
    let asked = 0;
    const cloudindex = new CloudIndex({ getToken: async () => (++asked === 1 ? 'stale' : apiKey) });
    const results = await cloudindex.documents.uploadBatch(globalThis.files(4));
    const batch = await cloudindex.batches.create({});
    return { asked, statuses: results.map(({ status }) => status), batch: typeof batch.id };
  }, KEY);
  assert.deepEqual(result, { asked: 2, statuses: Array(4).fill('committed'), batch: 'string' });
});

test('what makes an upload impossible rejects it', async () => {
  const { page } = await open();
  const errors = await page.evaluate(async (apiKey) => {
    const { CloudIndex } = await import('/dist/index.js');
    const good = new CloudIndex({ apiKey });
    const fail = (promise) => promise.then(() => 'resolved', globalThis.plain);
    return {
      key: await fail(new CloudIndex({ apiKey: 'wrong' }).documents.uploadBatch(globalThis.files(2))),
      batch: await fail(good.documents.uploadBatch(globalThis.files(2), { batchId: 'none' })),
      option: await fail(good.documents.uploadBatch(globalThis.files(2), { concurency: 3 })),
      create: await fail(good.batches.create({ processing: { chunksize: 3 } })),
      status: await fail(good.batches.getStatus('none')),
      source: await fail(good.documents.uploadBatch(42)),
      gone: await fail(new CloudIndex({ apiKey, baseUrl: 'http://127.0.0.1:1' }).documents.uploadBatch(globalThis.files(1), { retryAttempts: 1 })),
      empty: (await good.documents.uploadBatch([])).length,
    };
  }, KEY);
  assert.deepEqual([errors.key.code, errors.key.status], ['unauthorized', 401]);
  assert.deepEqual([errors.batch.code, errors.batch.status], ['batch_not_found', 404]);
  assert.match(errors.option.message, /concurency/);
  assert.match(errors.create.message, /processing\.chunksize/);
  assert.deepEqual([errors.status.name, errors.status.code], ['UploadError', 'batch_not_found']);
  assert.equal(errors.source.name, 'TypeError');
  assert.equal(errors.gone.code, 'connection_error');
  assert.equal(errors.empty, 0);
});

test('limits, metadata and groups reach the server and the results', async () => {
  const { page } = await open();
  const { results, groups, id, validated } = await page.evaluate(async (apiKey) => {
    const { CloudIndex, validate } = await import('/dist/index.js');
    const cloudindex = new CloudIndex({ apiKey });
    const list = [...globalThis.files(4), new File(['x'.repeat(2000)], 'big.txt')];
    const batch = await cloudindex.batches.create({ name: 'limits', limits: { maxFileSize: '1KB' }, processing: { concurrency: 3, chunkSize: 500 } });
    const groups = [];
    const processor = new cloudindex.BatchProcessor({
      batchId: batch.id,
      groupBy: (file) => (file.name.includes('1') || file.name.includes('2') ? 'a' : 'b'),
      metadata: (file) => ({ said: file.name }),
      onBatchComplete: (_, results) => groups.push(results.map(({ name }) => name).sort().join()),
    });
    const results = await processor.processDirectory(list);
    const validated = await validate(list, { limits: { maxFileSize: '1KB' } });
    return {
      results: results.map(({ name, status, error, documentId }) => ({ name, status, code: error?.code, documentId })),
      groups: groups.sort(), id: batch.id, validated: validated.map(({ path, error }) => [path, error.code]),
    };
  }, KEY);
  assert.deepEqual(results.map(({ status, code }) => code ?? status), ['committed', 'committed', 'committed', 'committed', 'file_too_large']);
  assert.deepEqual(validated, [['big.txt', 'file_too_large']]);
  assert.ok(groups.includes('file 1.txt,file 2.txt'), groups.join(' | '));
  const document = await server.json(`/v1/documents/${results[0].documentId}`);
  assert.deepEqual(document.metadata, { said: 'file 0.txt' });
  assert.equal((await server.json(`/v1/batches/${id}`)).limits.maxFileSize, 1000);
});

test('pause before start, remove, resume', async () => {
  const { page } = await open();
  const result = await page.evaluate(async (apiKey) => {
    const { Uploader, cloudindex } = await import('/dist/index.js');
    const uploader = new Uploader({ target: cloudindex({ apiKey }), autoStart: false });
    const removed = [];
    uploader.addEventListener('fileremoved', ({ detail }) => removed.push(detail.name));
    await uploader.add(globalThis.files(6));
    await new Promise((resolve) => { setTimeout(resolve, 300); });
    const held = { phase: uploader.phase, length: uploader.length, completed: uploader.progress.completed };
    uploader.remove(2);
    const done = new Promise((resolve) => { uploader.addEventListener('complete', ({ detail }) => resolve(detail)); });
    uploader.start();
    const { results, progress } = await done;
    uploader.close();
    return { held, removed, completed: progress.completed, statuses: results.map(({ status }) => status) };
  }, KEY);
  assert.deepEqual(result.held, { phase: 'paused', length: 6, completed: 0 });
  assert.deepEqual(result.removed, ['file 2.txt']);
  assert.deepEqual(result.statuses, ['committed', 'committed', 'cancelled', 'committed', 'committed', 'committed']);
  assert.equal(result.completed, 5);
});

test('a journal is let go with its uploader, in a worker and on the page', async () => {
  const { page } = await open();
  for (const worker of [true, false]) {
    const seen = await page.evaluate(async (apiKey, worker) => {
      const { CloudIndex, Uploader, cloudindex } = await import('/dist/index.js');
      const target = cloudindex({ apiKey, worker });
      const resume = `worker ${worker}`;
      const held = async () => (await navigator.locks.query()).held.length;
      const until = async (wanted) => {
        for (let tries = 0; await held() !== wanted && tries < 100; tries++) await new Promise((resolve) => { setTimeout(resolve, 20); });
        return held();
      };
      const first = new Uploader({ target, resume, autoStart: false });
      await first.add(globalThis.files(3));
      const seen = { during: await until(1) };
      const second = new Uploader({ target, resume });
      const stalled = new Promise((resolve) => { second.addEventListener('stalled', ({ detail }) => resolve(detail.reason?.code)); });
      const complete = new Promise((resolve) => { second.addEventListener('complete', ({ detail }) => resolve(detail.progress.completed)); });
      await second.add(globalThis.files(3));
      seen.stalled = await stalled;
      first.close();
      seen.completed = await complete;
      second.close();
      seen.after = await until(0);
      seen.left = await second.interrupted() ?? null;
      // The end of an upload is noted even though everything is closed in the same moment.
      const cloud = new CloudIndex({ apiKey, worker });
      const results = await cloud.documents.uploadBatch(globalThis.files(5), { resume });
      seen.results = results.filter(({ status }) => ['committed', 'duplicate'].includes(status)).length;
      await until(0);
      seen.leftAtLast = await new Uploader({ target, resume }).interrupted() ?? null;
      return seen;
    }, KEY, worker);
    assert.deepEqual(seen, { during: 1, stalled: 'journal_busy', completed: 3, after: 0, left: null, results: 5, leftAtLast: null });
  }
});
