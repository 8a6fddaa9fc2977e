import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Host, facade, files, wasmUrl } from './facade.mjs';

const FAILURE = { type: 'system', code: 'temporary_error', message: 'status 503', retryable: true, status: 503, attempt: 3 };
const client = (module, more) => new module.CloudIndex({ apiKey: 'k', wasmUrl, ...more });

afterEach(() => {
  delete globalThis.played;
});

test('importing does nothing', async (t) => {
  const fetch = t.mock.method(globalThis, 'fetch', () => assert.fail('fetched'));
  const before = Object.keys(globalThis);
  const module = await facade();
  const made = new module.CloudIndex();
  void made.BatchProcessor;
  assert.deepEqual(Object.keys(globalThis), before);
  assert.equal(fetch.mock.callCount(), 0);
});

test('uploadBatch: one result per file, in order, and no rejection for one that fails', async () => {
  const module = await facade();
  const host = new Host((message) => {
    if (message.t !== 'added') return;
    host.update({ files: [{ id: 1, state: 'failed', percent: 0, size: 1, error: FAILURE }, { id: 0, state: 'committed', percent: 100, size: 7, documentId: 'd0' }] }, { total: 2 });
    host.update({ phase: 'complete' }, { total: 2, completed: 1, failed: 1 });
  });
  const seen = [];
  const results = await client(module).documents.uploadBatch(files('a', 'b'), {
    batchId: 'B', concurrency: 2, onProgress: (progress) => seen.push(progress.completed), groupBy: () => 'g', metadata: () => ({}),
  });
  assert.deepEqual(results.map(({ name, status, documentId, size }) => [name, status, documentId, size]), [['a', 'committed', 'd0', 7], ['b', 'failed', undefined, 1]]);
  const { error } = results[1];
  assert.ok(error instanceof module.UploadError);
  assert.deepEqual([error.code, error.path, error.status, error.attempt, error.retryable], ['temporary_error', 'b', 503, 3, true]);
  assert.deepEqual(seen, [0, 1]);
  assert.deepEqual(host.options, { batchId: 'B', concurrency: 2, groupBy: 'application', baseUrl: '', apiKey: 'k' });
  await heard(host, 'close');
});

test('uploadBatch rejects when nothing could be uploaded', async () => {
  const module = await facade();
  const host = new Host((message) => {
    if (message.t !== 'added') return;
    const reason = { ...FAILURE, code: 'batch_not_found', status: 404 };
    host.update({ phase: 'complete', reason, files: [{ id: 0, state: 'failed', percent: 0, error: reason }] }, { total: 1, failed: 1 });
  });
  await assert.rejects(client(module).documents.uploadBatch(files('a')), { name: 'UploadError', code: 'batch_not_found', status: 404 });
});

test('a wrong option is refused by the engine, and reaches it even if it is a function', async () => {
  const module = await facade();
  const host = new Host();
  let options;
  host.checkOptions = (given) => {
    options = given;
    return { ...FAILURE, type: 'validation', code: 'invalid_option' };
  };
  const upload = client(module).documents.uploadBatch(files('a'), { onProgres: () => {}, limits: { maxFileSize: Infinity } });
  await assert.rejects(upload, { code: 'invalid_option', type: 'validation' });
  assert.deepEqual([options.onProgres, options.limits.maxFileSize], ['(a function)', 'Infinity']);
  assert.equal(host.hosts, 0);
});

test('abort rejects with the signal’s reason and cancels', async () => {
  const module = await facade();
  const controller = new AbortController();
  const host = new Host((message) => {
    if (message.t === 'added') controller.abort(new Error('enough'));
    if (message.t === 'cancel') host.update({ phase: 'cancelled', files: [{ id: 0, state: 'cancelled', percent: 0 }] }, { total: 1 });
  });
  await assert.rejects(client(module).documents.uploadBatch(files('a'), { signal: controller.signal }), { message: 'enough' });
  await heard(host, 'close');
  assert.deepEqual(host.heard.map(({ t }) => t), ['cancel', 'close']);
  await assert.rejects(client(module).documents.uploadBatch(files('a'), { signal: controller.signal }), { message: 'enough' });
  assert.equal(host.hosts, 1);
});

test('events come in their order, whole, and the iterator ends', async () => {
  const module = await facade();
  const host = new Host((message) => {
    if (message.t !== 'added') return;
    host.update({
      batchId: 'B',
      files: [{ id: 0, state: 'committed', percent: 100, documentId: 'd' }, { id: 1, state: 'rejected', percent: 0, error: FAILURE }],
      groups: [{ change: 'started', number: 1, files: [0, 1] }, { change: 'completed', number: 1, files: [0, 1] }],
    }, { total: 2, completed: 1, failed: 1 });
    host.update({ phase: 'stalled', reason: FAILURE });
    host.update({ phase: 'stalled', reason: FAILURE });
    host.update({ phase: 'complete' }, { total: 2, completed: 1, failed: 1 });
  });
  const uploader = new module.Uploader({ target: module.cloudindex({ apiKey: 'k', wasmUrl }), batchSize: 10 });
  const events = [];
  const reading = (async () => {
    for await (const event of uploader) events.push(event);
  })();
  await uploader.add(files('x/a', 'b'));
  await reading;
  uploader.close();
  assert.deepEqual(events.map(({ type }) => type).filter((type) => type !== 'progress'), [
    'fileadded', 'fileadded', 'batchstart', 'fileprogress', 'filecomplete', 'filerejected', 'batchcomplete', 'stalled', 'complete',
  ]);
  const of = (type) => events.find((event) => event.type === type).detail;
  assert.deepEqual([of('filecomplete').name, of('filecomplete').path, of('filecomplete').documentId], ['a', 'x/a', 'd']);
  assert.deepEqual(of('batchcomplete').results.map(({ status }) => status), ['committed', 'rejected']);
  assert.equal(of('batchstart').files.length, 2);
  assert.equal(of('stalled').reason.code, 'temporary_error');
  assert.equal(of('complete').results.length, 2);
  assert.equal(uploader.batchId, 'B');
});

test('autoStart: false starts paused; a retried file may complete again', async () => {
  const module = await facade();
  const host = new Host((message) => {
    if (message.t === 'resume') host.update({ phase: 'complete', files: [{ id: 0, state: 'failed', percent: 0, error: FAILURE }] }, { total: 1, failed: 1 });
    if (message.t === 'retry') host.update({ phase: 'complete', files: [{ id: 0, state: 'committed', percent: 100 }] }, { total: 1, completed: 1 });
  });
  const uploader = new module.Uploader({ target: module.cloudindex({ apiKey: 'k', wasmUrl }), autoStart: false });
  const completions = [];
  const twice = new Promise((resolve) => {
    uploader.addEventListener('complete', ({ detail }) => {
      completions.push(detail.results[0]);
      if (completions.length === 1) uploader.retry(0);
      else resolve();
    });
  });
  await uploader.add(files('a'));
  uploader.start();
  await twice;
  uploader.remove([3, 4]);
  uploader.close();
  await heard(host, 'close');
  assert.deepEqual(host.heard, [{ t: 'pause' }, { t: 'resume' }, { t: 'retry', ids: [0] }, { t: 'remove', ids: [3, 4] }, { t: 'close' }]);
  assert.deepEqual(completions.map(({ status, error }) => [status, error?.code]), [['failed', 'temporary_error'], ['committed', undefined]]);
});

test('single files are paused and resumed by their ids, the whole upload without any', async () => {
  const module = await facade();
  const host = new Host();
  const uploader = new module.Uploader({ target: module.cloudindex({ apiKey: 'k', wasmUrl }) });
  await uploader.add(files('a', 'b', 'c'));
  uploader.pause(1);
  uploader.pause([uploader.file(0), 2]);
  uploader.resume(Uint32Array.of(0, 2));
  uploader.resume(uploader.file(1));
  uploader.remove(Uint32Array.of(1));
  uploader.pause();
  uploader.resume();
  uploader.close();
  await heard(host, 'close');
  assert.deepEqual(host.heard, [
    { t: 'pause', ids: [1] }, { t: 'pause', ids: [0, 2] }, { t: 'resume', ids: [0, 2] }, { t: 'resume', ids: [1] }, { t: 'remove', ids: [1] },
    { t: 'pause' }, { t: 'resume' }, { t: 'close' },
  ]);
});

test('getToken is asked at the start and on refresh, never twice at once', async () => {
  const module = await facade();
  let asked = 0;
  let running = 0;
  const getToken = async () => {
    assert.equal(running++, 0);
    await new Promise((resolve) => { setTimeout(resolve, 5); });
    running--;
    return `token ${++asked}`;
  };
  const host = new Host((message) => {
    if (message.t === 'call' && message.path.endsWith('/old')) {
      host.say({ t: 'refresh' });
      host.say({ t: 'refresh' });
    } else if (message.t === 'call') host.say({ t: 'answer', id: message.id, body: '{"batchId":"B"}' });
    if (message.t === 'token') host.say({ t: 'answer', id: 1, error: { ...FAILURE, code: message.token } });
  });
  const cloudindex = client(module, { apiKey: undefined, getToken });
  await assert.rejects(cloudindex.batches.getStatus('old'), { code: 'token 2' });
  assert.equal(host.options.apiKey, 'token 1');
  assert.equal(host.options.refresh, true);
  await cloudindex.batches.getStatus('new');
  assert.equal(asked, 2);
  assert.equal(host.hosts, 1);
  host.say({ t: 'fatal', message: 'the end' });
  await heard(host, 'close');

  const failing = client(module, { apiKey: undefined, getToken: () => { throw new Error('signed out'); } });
  await assert.rejects(failing.batches.getStatus('x'), { code: 'unauthorized', message: /signed out/ });
});

test('getErrors takes all pages', async () => {
  const module = await facade();
  const host = new Host((message) => {
    if (message.t !== 'call') return;
    const last = message.path.endsWith('?cursor=a%2F1');
    const body = JSON.stringify({ errors: [{ code: last ? 'two' : 'one' }], next: last ? null : 'a/1' });
    host.say({ t: 'answer', id: message.id, body });
  });
  const errors = await client(module).batches.getErrors('x y');
  assert.deepEqual(errors.map(({ code }) => code), ['one', 'two']);
  assert.equal(host.heard[0].path, '/v1/batches/x%20y/errors');
  host.say({ t: 'fatal', message: 'the end' });
});

test('wasm that does not come is told by its address and the fix', async (t) => {
  const module = await facade();
  new Host();
  t.mock.method(globalThis, 'fetch', async () => new Response('<html>', { status: 200, headers: { 'content-type': 'text/html' } }));
  const cloudindex = client(module, { wasmUrl: 'https://app.example/x.wasm' });
  await assert.rejects(cloudindex.documents.uploadBatch(files('a')), { code: 'wasm_unavailable', message: /https:\/\/app\.example\/x\.wasm.*wasmUrl/s });
  t.mock.method(globalThis, 'fetch', async () => new Response('', { status: 404 }));
  const uploader = new module.Uploader({ target: module.cloudindex({ wasmUrl: '/y.wasm' }) });
  const failed = new Promise((resolve) => { uploader.addEventListener('error', ({ detail }) => resolve(detail)); });
  await uploader.add(files('a'));
  assert.match((await failed).message, /\/y\.wasm is answered by status 404/);
});

test('wrong client options are refused by name', async () => {
  const { CloudIndex, Uploader, cloudindex } = await facade();
  assert.throws(() => new CloudIndex({ apikey: 'k' }), { code: 'invalid_option', message: /"apikey"/ });
  assert.throws(() => new CloudIndex({ getToken: 'k' }), { code: 'invalid_option', message: /"getToken"/ });
  assert.throws(() => new Uploader({}), { code: 'invalid_option', message: /"target"/ });
  assert.throws(() => new Uploader({ target: cloudindex(), metadata: {} }), { code: 'invalid_option', message: /"metadata"/ });
});

test('an own fetch is handed to a host on the page', async () => {
  const module = await facade();
  const host = new Host((message) => {
    if (message.t === 'added') host.update({ phase: 'complete' });
  });
  const own = async () => new Response();
  assert.deepEqual(await client(module, { fetch: own }).documents.uploadBatch([]), []);
  assert.equal(host.fetch, own);
});

test('a broken engine rejects everything that waits for it', async () => {
  const module = await facade();
  const host = new Host((message) => {
    if (message.t === 'added') host.say({ t: 'fatal', message: 'index out of bounds' });
  });
  await assert.rejects(client(module).documents.uploadBatch(files('a')), { code: 'internal_error', message: /index out of bounds/ });
});

test('resume is a name for the engine, and nothing when there is none', async () => {
  const module = await facade();
  for (const [resume, name, roots] of [[true, 'default', true], ['mine', 'mine', true], [false, undefined, false], [undefined, undefined, false]]) {
    const host = new Host((message) => {
      if (message.t === 'added') host.update({ phase: 'complete' });
    });
    await client(module).documents.uploadBatch([], { resume, batch: { metadata: { resume: true } } });
    assert.deepEqual([host.options.resume, host.roots, host.options.batch.metadata.resume], [name, roots, true]);
  }
});

test('what an earlier page left is told, gone on with, or forgotten', async () => {
  const module = await facade();
  const host = new Host((message) => {
    if (message.t === 'discard') host.say({ t: 'left' });
  });
  const asked = [];
  const handle = (name, ...answers) => ({
    kind: 'file', name,
    queryPermission: async () => answers[0],
    requestPermission: async () => {
      asked.push(name);
      if (answers[1] === undefined) throw new Error('no click');
      return answers[1];
    },
  });
  let roots = [];
  host.left = (options) => {
    assert.deepEqual(options, { resume: 'mine', baseUrl: 'https://x.test' });
    return { batchId: 'B', since: 1_700_000_000_123, files: 2, total: 5, bytes: 70, elsewhere: false, roots };
  };
  const target = module.cloudindex({ apiKey: 'k', wasmUrl, baseUrl: 'https://x.test' });
  const uploader = new module.Uploader({ target, resume: 'mine' });
  assert.deepEqual(await uploader.interrupted(), {
    batchId: 'B', since: '2023-11-14T22:13:20.123Z', files: 2, total: 5, bytes: 70, elsewhere: false, canContinue: false,
  });
  assert.equal(await uploader.continue(), false);
  roots = [handle('no', 'prompt', 'denied'), handle('unasked', 'prompt')];
  assert.equal((await uploader.interrupted()).canContinue, true);
  assert.equal(await uploader.continue(), false);
  assert.equal(host.hosts, 0, 'nothing was started for it');
  roots = [handle('granted', 'granted'), handle('no', 'denied', 'denied'), handle('yes', 'prompt', 'granted')];
  assert.equal(await uploader.continue(), true);
  for (let tries = 0; !host.added && tries < 200; tries++) await new Promise((resolve) => { setTimeout(resolve, 5); });
  assert.deepEqual(host.added.map(({ name }) => name), ['granted', 'yes']);
  assert.deepEqual(asked, ['no', 'unasked', 'no', 'yes']);

  await uploader.discard();
  assert.deepEqual(host.heard, [{ t: 'discard' }]);
  uploader.close();
  await heard(host, 'close');

  host.left = () => undefined;
  assert.equal(await new module.Uploader({ target, resume: 'mine' }).interrupted(), undefined);
  host.journal = () => { throw JSON.stringify({ ...FAILURE, code: 'invalid_option' }); };
  await assert.rejects(new module.Uploader({ target, resume: 'mine' }).interrupted(), { name: 'UploadError', code: 'invalid_option' });
  const without = new module.Uploader({ target });
  assert.deepEqual([await without.interrupted(), await without.continue(), await without.discard()], [undefined, false, undefined]);
  assert.equal(host.hosts, 1, 'without a journal there is nothing to ask');
});

/** Waits until the host has heard such a message. */
async function heard(host, type) {
  for (let tries = 0; !host.heard.some(({ t }) => t === type); tries++) {
    assert.ok(tries < 200, `the host never heard "${type}", only ${JSON.stringify(host.heard)}`);
    await new Promise((resolve) => { setTimeout(resolve, 5); });
  }
}
