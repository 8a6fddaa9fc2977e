// What a client does after the upload: what decides by itself, and calls with a host that the test plays.
import assert from 'node:assert/strict';
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import { afterEach, test } from 'node:test';
import { Host, facade, wasmUrl } from './facade.mjs';

const { outputFiles: [{ text }] } = await build({
  stdin: {
    contents: "export * from './following.ts'; export * from './verify.ts'; export * from './seen.ts'; export { UploadError } from '../errors.ts';",
    resolveDir: fileURLToPath(new URL('../../js/after/', import.meta.url)),
  },
  bundle: true, format: 'esm', target: 'es2022', write: false,
});
const { Following, Seen, UploadError, nothing, plus } = await import(`data:text/javascript,${encodeURIComponent(text)}`);

const INTERVAL = 700;
const failure = (retryable) => new UploadError({ type: 'system', code: 'connection_error', message: 'no answer', retryable });
const unanswered = (retryable = true) => ({ t: 'unanswered', error: failure(retryable) });
const broke = { t: 'broke', retry: 2000 };
/** What a following that began at 0 does after these outcomes, a second apart. */
function steps(...outcomes) {
  const following = new Following(INTERVAL, () => 0.5);
  return [following.start(), ...outcomes.map((outcome, i) => following.next(typeof outcome === 'string' ? { t: outcome } : outcome, i * 1000))];
}
const stream = (wait, token = 'known') => ({ t: 'stream', wait, token });
const ask = (wait) => ({ t: 'ask', wait });

/** The hosts of a test. */
const hosts = [];
afterEach(() => {
  for (const host of hosts.splice(0)) host.close();
  delete globalThis.played;
});

test('following: a stream that told something is opened again after the time that the server wants, up to half of it less', () => {
  assert.deepEqual(steps(broke, { t: 'broke', retry: 0 }, 'ended'), [stream(0), stream(1500), stream(0), { t: 'end' }]);
});

test('following: a stream that brought nothing is asked about at once, and tried again; the third in a row is the last', () => {
  assert.deepEqual(steps('failed', 'answered', 'failed', 'answered', 'failed', 'answered', 'answered', 'ended'), [
    stream(0), ask(0), stream(INTERVAL), ask(0), stream(INTERVAL), ask(0), ask(INTERVAL), ask(INTERVAL), { t: 'end' },
  ]);
});

test('following: news on a stream make up for those that brought nothing', () => {
  const twice = ['failed', 'answered', 'failed', 'answered'];
  assert.deepEqual(steps(...twice, broke, ...twice).at(-1), stream(INTERVAL));
});

test('following: where something else than events is answered, no other stream is tried', () => {
  assert.deepEqual(steps('useless', 'answered', 'answered'), [stream(0), ask(0), ask(INTERVAL), ask(INTERVAL)]);
});

test('following: a refused token is renewed once, until a stream has told something', () => {
  assert.deepEqual(steps('unauthorized', 'unauthorized'), [stream(0), stream(0, 'new'), ask(0)]);
  assert.deepEqual(steps('unauthorized', broke, 'unauthorized').at(-1), stream(0, 'new'));
});

test('following: what was never heard of is given up at once; what was, after ten minutes of silence, and at once for what no time mends', () => {
  assert.deepEqual(steps('failed', unanswered()).at(-1), { t: 'fail', error: failure(true) });
  const [, , , later, final] = steps(broke, 'failed', unanswered(), unanswered(false));
  assert.deepEqual([later, final.t], [ask(INTERVAL), 'fail']);

  const following = new Following(INTERVAL, Math.random);
  following.next({ t: 'answered' }, 5);
  assert.equal(following.next(unanswered(), 600_004).t, 'ask');
  assert.equal(following.next(unanswered(), 600_005).t, 'fail');
});

test('a status is news once, and the last one is known', () => {
  const seen = new Seen();
  const open = { status: 'open', totalFiles: 1 };
  assert.deepEqual([seen.take(open), seen.take({ ...open }), seen.ended], [open, undefined, false]);
  assert.deepEqual(seen.take({ ...open, totalFiles: 2 }), { status: 'open', totalFiles: 2 });
  seen.take({ status: 'cancelled' });
  assert.equal(seen.ended, true);
});

/** A page on which all is well, but for what is given. */
function page({ documents, embeddings, probes, failed = 0, next = null } = {}) {
  return {
    documents: { checked: 2, stored: 2, bytes: 30, damaged: [], ...documents },
    embeddings: { documents: 2 - failed, chunks: 5, present: 5, dimension: 256, wrong: 0, ...embeddings },
    probes: { asked: 1, answered: 1, missed: [], ...probes },
    failed,
    next,
  };
}
const summed = (...pages) => pages.reduce(plus, nothing('B'));

test('verify: pages are summed up, and each report stays as it was', () => {
  const damaged = { documentId: 'd', path: 'a.txt', code: 'digest_mismatch', message: 'block 0' };
  const missed = { documentId: 'e', path: 'b.txt', query: 'moon' };
  const first = summed(page({ documents: { stored: 1, damaged: [damaged] }, failed: 1 }));
  const kept = structuredClone(first);
  assert.deepEqual(plus(first, page({ embeddings: { documents: 1, chunks: 0, present: 0, dimension: null }, probes: { answered: 0, missed: [missed] } })), {
    batchId: 'B',
    ok: false,
    documents: { checked: 4, stored: 3, bytes: 60, damaged: [damaged] },
    embeddings: { documents: 2, chunks: 5, present: 5, dimension: 256, wrong: 0 },
    probes: { asked: 2, answered: 1, missed: [missed] },
    waiting: 1,
    failed: 1,
    errorRate: 1 / 4,
  });
  assert.deepEqual(first, kept);
});

test('verify: ok is said only when nothing is damaged, waits, lacks an embedding, has a wrong one, or is not found', () => {
  assert.deepEqual([summed().ok, summed().errorRate, summed(page()).ok], [true, 0, true]);
  const wrongs = [{ documents: { stored: 1 } }, { embeddings: { documents: 1 } }, { embeddings: { present: 4 } }, { embeddings: { wrong: 1 } }, { probes: { answered: 0 } }];
  for (const wrong of wrongs) assert.equal(summed(page(wrong), page()).ok, false, JSON.stringify(wrong));
});

test('verify: what could not be processed is an error rate, and no damage', () => {
  const { ok, waiting, errorRate } = summed(page({ failed: 2, embeddings: { chunks: 0, present: 0 }, probes: { asked: 0, answered: 0 } }), page());
  assert.deepEqual([ok, waiting, errorRate], [true, 0, 0.5]);
});

/** A client whose calls are answered by `answers`, by `METHOD path`; what was called with which body is in `heard`. */
async function client(answers) {
  const { CloudIndex } = await facade();
  const heard = [];
  hosts.push(new Host((message, host) => {
    if (message.t !== 'call') return;
    const call = `${message.method} ${message.path}`;
    heard.push(message.body === undefined ? call : [call, JSON.parse(message.body)]);
    const answer = answers[call];
    host.say({ t: 'answer', id: message.id, body: answer === undefined ? '' : JSON.stringify(answer) });
  }));
  return { cloudindex: new CloudIndex({ apiKey: 'k', wasmUrl }), heard };
}

test('verify asks page after page, and tells how far it is', async () => {
  const { CloudIndex } = await facade();
  const bodies = [];
  hosts.push(new Host((message, host) => {
    if (message.t !== 'call') return;
    bodies.push([message.method, message.path, JSON.parse(message.body)]);
    host.say({ t: 'answer', id: message.id, body: JSON.stringify(page({ next: bodies.length < 3 ? `c${bodies.length}` : null })) });
  }));
  const told = [];
  const { batches } = new CloudIndex({ apiKey: 'k', wasmUrl });
  const report = await batches.verify('b/1', { probes: 3, onProgress: ({ documents }) => told.push(documents.checked) });
  assert.deepEqual(bodies, [null, 'c1', 'c2'].map((cursor) => ['POST', '/v1/batches/b%2F1/verify', { cursor, probes: 3 }]));
  assert.deepEqual([told, report.documents.checked, report.batchId], [[2, 4, 6], 6, 'b/1']);
});

test('each call goes where it belongs', async () => {
  const { cloudindex, heard } = await client({
    'POST /v1/search': { results: [{ path: 'a' }] },
    'POST /v1/batches/B/retry': { retried: 2 },
    'POST /v1/documents/D/retry': { id: 'D', state: 'queued' },
    'GET /v1/documents/D': { id: 'D' },
    'POST /v1/tokens': { token: 'ut_1' },
    'GET /v1/batches/B/documents': { documents: [{ id: 1 }, { id: 2 }], next: 'a b' },
    'GET /v1/batches/B/documents?cursor=a%20b': { documents: [{ id: 3 }], next: null },
  });
  const { results } = await cloudindex.search('the sea', { batchId: 'B', limit: 3, signal: new AbortController().signal });
  assert.deepEqual(results, [{ path: 'a' }]);
  assert.deepEqual(await cloudindex.batches.retry('B'), { retried: 2 });
  assert.equal((await cloudindex.documents.retry('D')).state, 'queued');
  assert.equal((await cloudindex.documents.get('D')).id, 'D');
  assert.equal(await cloudindex.documents.delete('D'), undefined);
  assert.equal((await cloudindex.tokens.create({ batchId: 'B', expiresIn: 60 })).token, 'ut_1');
  const listed = [];
  for await (const { id } of cloudindex.documents.list('B')) listed.push(id);
  assert.deepEqual(listed, [1, 2, 3]);
  assert.deepEqual(heard, [
    ['POST /v1/search', { batchId: 'B', limit: 3, query: 'the sea' }],
    'POST /v1/batches/B/retry', 'POST /v1/documents/D/retry', 'GET /v1/documents/D', 'DELETE /v1/documents/D',
    ['POST /v1/tokens', { batchId: 'B', expiresIn: 60 }],
    'GET /v1/batches/B/documents', 'GET /v1/batches/B/documents?cursor=a%20b',
  ]);
});

test('what is not named by an id is refused before anything is asked', async () => {
  const { cloudindex: { batches, documents }, heard } = await client({});
  const wrong = { name: 'UploadError', code: 'invalid_option' };
  for (const id of ['', undefined, 7]) {
    for (const call of [batches.getErrors, batches.retry, batches.verify]) await assert.rejects(call.call(batches, id), wrong);
    for (const call of [documents.get, documents.retry, documents.delete]) await assert.rejects(call.call(documents, id), wrong);
    for (const loop of [batches.watch(id), documents.list(id)]) await assert.rejects(loop.next(), wrong);
  }
  for (const statusInterval of [0, -5, NaN, 1e9, 'soon']) await assert.rejects(batches.watch('B', { statusInterval }).next(), wrong);
  assert.deepEqual(heard, []);
});

test('an answer that is no JSON is told as that, and may be asked for again', async () => {
  const { cloudindex: { batches, documents } } = await client({});
  const wrong = { name: 'UploadError', code: 'invalid_reply', retryable: true, message: /batches\/B.*no JSON/ };
  for (const call of [batches.getStatus, batches.getErrors, batches.verify, batches.complete]) await assert.rejects(call.call(batches, 'B'), wrong);
  await assert.rejects(documents.list('B').next(), wrong);
});

test('abort: a search and a verification reject with the signal’s reason, before and while the server is asked', async () => {
  const { CloudIndex } = await facade();
  const controller = new AbortController();
  const host = new Host((message) => { if (message.t === 'call') controller.abort(new Error('enough')); });
  hosts.push(host);
  const cloudindex = new CloudIndex({ apiKey: 'k', wasmUrl });
  await assert.rejects(cloudindex.search('x', { signal: controller.signal }), { message: 'enough' });
  const calls = host.heard.length;
  await assert.rejects(cloudindex.search('x', { signal: controller.signal }), { message: 'enough' });
  await assert.rejects(cloudindex.batches.verify('B', { signal: controller.signal }), { message: 'enough' });
  assert.equal(host.heard.length, calls);
});
