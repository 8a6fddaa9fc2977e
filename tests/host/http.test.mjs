// Requests by fetch: what is sent, what is reported, and that nothing else is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chromium } from './chromium.mjs';

const { inPage } = chromium();
/** As in-page/requests.mjs has it. */
const ATTEMPT = 4;

test('a response is a reply whatever its status', async () => {
  const { report, url, options, body, more } = await inPage(async () => {
    const { bytes, send, spy } = await import('/in-page.js');
    const { fetch, calls } = spy(async () => new Response('slow down', { status: 429, headers: { 'Retry-After': '7' } }));
    const { reports } = send(fetch, { method: 'POST', headers: { Authorization: 'Bearer k' }, parts: ['[', 'a block', ']'].map(bytes) });
    const report = await reports.next();
    const [[url, { body, signal, ...options }]] = calls;
    return { report, url, options, body: new TextDecoder().decode(body), more: [signal instanceof AbortSignal, calls.length] };
  });
  assert.deepEqual(report, ['reply', ATTEMPT, 429, '7', 'slow down']);
  assert.equal(url, 'https://example.test/x');
  assert.deepEqual(options, { method: 'POST', headers: { Authorization: 'Bearer k' }, cache: 'no-store' });
  assert.equal(body, '[a block]');
  assert.deepEqual(more, [true, 1]);
});

test('a body with a part of a file is taken from there', async () => {
  const { isBlob, text } = await inPage(async () => {
    const { bytes, send, spy } = await import('/in-page.js');
    const { fetch, calls } = spy();
    await send(fetch, { method: 'POST', parts: [bytes('['), new File(['a long file'], 'f').slice(2, 6), bytes(']')] }).reports.next();
    const [[, { body }]] = calls;
    return { isBlob: body instanceof Blob, text: await new Response(body).text() };
  });
  assert.deepEqual({ isBlob, text }, { isBlob: true, text: '[long]' });
});

test('the browser’s fetch sends and fails', async () => {
  const seen = await inPage(async () => {
    const { send } = await import('/in-page.js');
    const report = (url) => send(undefined, { url }).reports.next();
    return {
      data: await report('data:text/plain,hello'),
      // The page's own server, by a path alone.
      path: await report('/no/such/page'),
      failed: await Promise.all(['http://127.0.0.1:1/', 'no-scheme://x', 'http://['].map(report)),
    };
  });
  assert.deepEqual(seen.data, ['reply', ATTEMPT, 200, null, 'hello']);
  assert.deepEqual(seen.path.slice(0, 3), ['reply', ATTEMPT, 404]);
  for (const [kind, attempt, reason] of seen.failed) {
    assert.deepEqual([kind, attempt], ['noReply', ATTEMPT]);
    assert.match(reason, /^TypeError/);
  }
});

test('what can’t be sent says so', async () => {
  const { missing, header } = await inPage(async () => {
    const { send } = await import('/in-page.js');
    const url = 'data:,x';
    return {
      missing: await send(undefined, { url, missing: 'block 2 of file 1 is not kept', files: [3] }).reports.next(),
      header: await send(undefined, { url, headers: { Authorization: 'Bearer a\nb' } }).reports.next(),
    };
  });
  assert.deepEqual(missing, ['noReply', ATTEMPT, 'TypeError: block 2 of file 1 is not kept', [3]]);
  assert.match(header[2], /^TypeError/);
});

test('an application’s fetch may do anything', async () => {
  const seen = await inPage(async () => {
    const { send, spy } = await import('/in-page.js');
    const answers = [
      () => { throw new RangeError('thrown'); },
      async () => { throw 'text'; },
      async () => { throw undefined; },
      async () => undefined,
      () => 7,
      async () => ({ status: 'fine' }),
      async () => ({ status: 200, arrayBuffer: async () => undefined }),
      async () => ({ status: 200, arrayBuffer: async () => { throw new TypeError('cut off'); } }),
      async () => new Response(new ReadableStream({ pull(stream) { stream.error('broken off'); } })),
      () => ({ status: 204, headers: new Map(), arrayBuffer: () => new ArrayBuffer(0) }),
      () => ({ status: 204, arrayBuffer: () => new ArrayBuffer(0) }),
    ];
    return Promise.all(answers.map((answer) => send(spy(answer).fetch, { url: 'x:' }).reports.next()));
  });
  const failed = (reason) => ['noReply', ATTEMPT, reason, []];
  assert.deepEqual(seen, [
    failed('RangeError: thrown'),
    failed('text'),
    failed('undefined'),
    failed('TypeError: fetch gave no Response'),
    failed('TypeError: fetch gave no Response'),
    failed('TypeError: fetch gave no Response'),
    failed('TypeError: fetch gave a Response without bytes'),
    failed('TypeError: cut off'),
    failed('TypeError: Failed to fetch'),
    ['reply', ATTEMPT, 204, null, ''],
    ['reply', ATTEMPT, 204, null, ''],
  ]);
});

test('an attempt that is called off reports nothing', async () => {
  const seen = await inPage(async () => {
    const { ATTEMPT, send, sleep, spy } = await import('/in-page.js');
    const { fetch, calls } = spy((url, { signal }) => new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    }));
    const { http, reports } = send(fetch, { url: 'x:' });
    http.abort(ATTEMPT);
    http.abort(ATTEMPT + 1);
    const all = send(fetch, { url: 'x:' });
    all.http.abortAll();
    // One that hears nothing of it.
    const deaf = send(async () => { await sleep(20); return new Response(''); }, { url: 'x:' });
    deaf.http.abort(ATTEMPT);
    await sleep(100);
    return { reports: [reports, all.reports, deaf.reports].map((reports) => reports.all()), aborted: calls.map(([, { signal }]) => signal.aborted) };
  });
  assert.deepEqual(seen, { reports: [[], [], []], aborted: [true, true] });
});

test('any thrown value can be described', async () => {
  const cases = [
    ["new DOMException('gone', 'NotFoundError')", 'NotFoundError: gone'],
    ["new TypeError('')", 'TypeError'],
    ["'just text'", 'just text'],
    ['undefined', 'undefined'],
    ['null', 'null'],
    ['42', '42'],
    ['false', 'false'],
    ["Symbol('s')", 'Symbol(s)'],
    ['1n', '1'],
    ['() => 1', 'a function'],
    ['new Map()', 'a value of class Map'],
    ['Object.create(null)', 'a value of class Object'],
    ['new Proxy({}, { get() { throw 1 } })', 'a value of class Object'],
  ];
  const seen = await inPage(async (cases) => {
    const { describe } = await import('/in-page.js');
    return cases.map(([thrown]) => describe((0, eval)(`(${thrown})`)));
  }, cases);
  assert.deepEqual(seen, cases.map(([, expected]) => expected));
});
