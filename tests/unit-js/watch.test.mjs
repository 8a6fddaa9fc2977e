// Following a batch over real connections: a server that a test scripts tells events, breaks off, or answers something else. Questions
// go by the engine's calls, whose host the test plays.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { afterEach, test } from 'node:test';
import { Host, facade, files, wasmUrl } from './facade.mjs';

const status = (processedFiles, more) => ({ batchId: 'B', status: 'processing', totalFiles: 3, processedFiles, ...more });
const DONE = status(3, { status: 'completed', notice: 'Größe: 3 Dateien – alles da' });
const event = (id, detail) => `id: ${id}\nevent: status\ndata: ${JSON.stringify(detail)}\n\n`;
const FAILURE = { type: 'system', code: 'temporary_error', message: 'status 503', retryable: true, status: 503 };

/** The hosts of a test. */
const hosts = [];
afterEach(() => {
  for (const host of hosts.splice(0)) host.close();
  delete globalThis.played;
});

/** A server whose n-th request is answered by `acts[n]`, the last again and again; `asked` are headers of those that came. */
async function serve(t, ...acts) {
  const asked = [];
  const closed = [];
  const server = http.createServer((request, response) => {
    asked.push(request.headers);
    closed.push(once(response, 'close'));
    acts[Math.min(asked.length, acts.length) - 1](response, request);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, asked, closed, server };
}

/** An act: events begin, `write` has what is told at once, and the stream stays open. */
const events = (...texts) => (response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.write(`retry: 1\n\n${texts.join('')}`);
};
/** The same, and then the connection breaks. */
const cut = (...texts) => (response) => {
  events(...texts)(response);
  response.write(':', () => response.destroy());
};
const refuse = (code, type = 'text/html', body = '<h1>No</h1>') => (response) => response.writeHead(code, { 'content-type': type }).end(body);

/** A client of that server; the engine's questions are answered by `answers` in turn, the last again and again. */
async function client(baseUrl, answers = [], options = { apiKey: 'k' }) {
  const { CloudIndex } = await facade();
  let questions = 0;
  hosts.push(new Host((message, host) => {
    if (message.t !== 'call') return;
    const answer = answers[Math.min(++questions, answers.length) - 1];
    host.say({ t: 'answer', id: message.id, ...(answer?.code ? { error: answer } : { body: JSON.stringify(answer) }) });
  }));
  const { batches } = new CloudIndex({ baseUrl, wasmUrl, ...options });
  return { watch: (how) => batches.watch('B', { statusInterval: 1, ...how }), questions: () => questions };
}

/** Who was told how many files are processed. */
async function processed(watch) {
  const seen = [];
  for await (const { processedFiles } of watch) seen.push(processedFiles);
  return seen;
}

test('statuses come as they are told, each once, and end with the last, though the connection stays open', async (t) => {
  const server = await serve(t, events(event(1, status(0)), event(2, status(1)), event(3, status(1)), event(4, DONE)));
  const { watch, questions } = await client(server.url);
  assert.deepEqual(await processed(watch()), [0, 1, 3]);
  await server.closed[0];
  assert.deepEqual([server.asked.length, questions()], [1, 0]);
  const [{ authorization, accept, 'last-event-id': last }] = server.asked;
  assert.deepEqual([authorization, accept, last], ['Bearer k', 'text/event-stream', undefined]);
});

test('it makes no difference where the bytes of events are divided', async (t) => {
  const bytes = Buffer.from(`: hello\r\n\r\nid: 1\r\ndata: ignored, of no kind\r\n\r\n${event(2, status(2))}${event(3, DONE)}`);
  const server = await serve(t, async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).socket.setNoDelay();
    for (const byte of bytes) await new Promise((written) => response.write(Buffer.of(byte), written));
  });
  const { watch } = await client(server.url);
  const seen = [];
  for await (const one of watch()) seen.push(one);
  assert.deepEqual(seen, [status(2), DONE]);
});

test('a stream that breaks is taken up after the event that came last, in the time that the server wants', async (t) => {
  const server = await serve(t, cut(event(7, status(1))), cut(event(8, status(2))), cut(), events(event(9, DONE)));
  const { watch, questions } = await client(server.url, [status(2)]);
  assert.deepEqual(await processed(watch()), [1, 2, 3]);
  assert.deepEqual(server.asked.map((headers) => headers['last-event-id']), [undefined, '7', '8', '8']);
  assert.equal(questions(), 1, 'about the stream that told nothing');
});

test('half an event counts for nothing', async (t) => {
  const whole = event(2, status(2));
  const server = await serve(t, cut(event(1, status(1)), whole.slice(0, -9)), events(whole, event(3, DONE)));
  const { watch } = await client(server.url);
  assert.deepEqual(await processed(watch()), [1, 2, 3]);
  assert.equal(server.asked[1]['last-event-id'], '1');
});

test('a token that is refused is renewed, once for all that need it', async (t) => {
  const server = await serve(t, refuse(401), events(event(1, DONE)));
  let tokens = 0;
  const { watch } = await client(server.url, [], { getToken: async () => `t${++tokens}` });
  assert.deepEqual(await processed(watch()), [3]);
  assert.deepEqual([server.asked.map(({ authorization }) => authorization), tokens], [['Bearer t1', 'Bearer t2'], 2]);
});

test('a token that is never accepted, and a key that is not, are what the engine says of them', async (t) => {
  const server = await serve(t, refuse(401));
  const unauthorized = { ...FAILURE, code: 'unauthorized', retryable: false, status: 401 };
  let tokens = 0;
  const token = await client(server.url, [unauthorized], { getToken: async () => `t${++tokens}` });
  await assert.rejects(processed(token.watch()), { name: 'UploadError', code: 'unauthorized', status: 401 });
  assert.equal(tokens, 2);
  const key = await client(server.url, [unauthorized]);
  await assert.rejects(processed(key.watch()), { name: 'UploadError', code: 'unauthorized' });
  assert.equal(server.asked.length, 3);
});

for (const [what, act] of Object.entries({
  'a page in the place of events': refuse(200),
  'an answer that there are no events': refuse(404),
  'an answer without a body': (response) => response.writeHead(204).end(),
  'events that are none': events('event: status\ndata: <p>\n\n'),
})) {
  test(`${what}: the batch is asked for instead, and each status is told once`, async (t) => {
    const server = await serve(t, act);
    const { watch, questions } = await client(server.url, [status(0), status(0), status(2), DONE]);
    assert.deepEqual(await processed(watch()), [0, 2, 3]);
    assert.deepEqual([server.asked.length, questions()], [1, 4]);
  });
}

test('a stream that fails three times is given up, and one that comes in time is not', async (t) => {
  const never = await serve(t, refuse(503), cut(), refuse(429));
  const asking = await client(never.url, [status(0), status(1), status(2), status(2), DONE]);
  assert.deepEqual([await processed(asking.watch()), never.asked.length], [[0, 1, 2, 3], 3]);
  const late = await serve(t, refuse(503), refuse(502), events(event(1, DONE)));
  const streaming = await client(late.url, [status(0)]);
  assert.deepEqual([await processed(streaming.watch()), streaming.questions()], [[0, 3], 2]);
});

test('a batch that is not there is told, and one that cannot be asked for is asked for again if it was there', async (t) => {
  const server = await serve(t, refuse(404));
  const gone = await client(server.url, [{ ...FAILURE, code: 'batch_not_found', retryable: false, status: 404 }]);
  await assert.rejects(processed(gone.watch()), { name: 'UploadError', code: 'batch_not_found', status: 404 });
  const away = await client(server.url, [status(1), FAILURE, FAILURE, DONE]);
  assert.deepEqual(await processed(away.watch()), [1, 3]);
  const never = await client(server.url, [FAILURE, DONE]);
  await assert.rejects(processed(never.watch()), { code: 'temporary_error' });
});

test('leaving the loop closes the connection at once', async (t) => {
  const server = await serve(t, events(event(1, status(0))));
  const { watch } = await client(server.url);
  for await (const { processedFiles } of watch()) {
    assert.equal(processedFiles, 0);
    break;
  }
  await server.closed[0];
});

test('abort closes the connection at once, and the loop throws the signal’s reason', async (t) => {
  const server = await serve(t, events(event(1, status(0))));
  const { watch } = await client(server.url);
  const controller = new AbortController();
  const loop = watch({ signal: controller.signal });
  assert.equal((await loop.next()).value.processedFiles, 0);
  const next = loop.next();
  controller.abort(new Error('enough'));
  await assert.rejects(next, { message: 'enough' });
  await server.closed[0];
  await assert.rejects(watch({ signal: controller.signal }).next(), { message: 'enough' });
  assert.equal(server.asked.length, 1);
});

test('abort ends the wait between two questions', async (t) => {
  const server = await serve(t, refuse(404));
  const { watch } = await client(server.url, [status(0)]);
  const controller = new AbortController();
  const loop = watch({ statusInterval: 86_400_000, signal: controller.signal });
  await loop.next();
  const next = loop.next();
  controller.abort();
  await assert.rejects(next, { name: 'AbortError' });
});

test('silence: after five seconds without a beginning the batch is asked for, and a stream that says nothing for 45 is opened anew', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const turn = () => new Promise((next) => setImmediate(next));
  /** What was begun gets as far as it can, then the time passes, then what that sets off. */
  const tick = async (ms) => {
    await turn();
    t.mock.timers.tick(ms);
    await turn();
  };
  // Connections need timers of their own, so these streams are made here; the first never comes, the second holds back what it has.
  const asked = [];
  const stream = (...texts) => new Response(ReadableStream.from((async function* () {
    yield* texts.map((text) => new TextEncoder().encode(text));
    await new Promise(() => {});
  })()), { headers: { 'content-type': 'text/event-stream' } });
  const answers = [new Promise(() => {}), stream(), stream(event(4, status(2))), stream(event(5, DONE))];
  const fetch = async (url, { headers, signal }) => {
    asked.push({ last: headers['Last-Event-ID'], signal });
    return answers[asked.length - 1];
  };
  const { watch, questions } = await client('http://127.0.0.1:1', [status(0), status(1)], { apiKey: 'k', fetch });
  const loop = watch();
  const next = async () => (await loop.next()).value.processedFiles;

  for (const n of [0, 1]) {
    const told = next();
    if (n > 0) await tick(1); // Between the question and the next try.
    await tick(4_999);
    assert.deepEqual([asked.length, questions()], [n + 1, n]);
    await tick(1);
    assert.deepEqual([await told, asked[n].signal.aborted], [n, true]);
  }

  const second = next();
  await tick(1);
  assert.equal(await second, 2);
  const last = next();
  await tick(44_999);
  assert.deepEqual([asked.length, asked[2].signal.aborted], [3, false]);
  await tick(1);
  await tick(2_000);
  assert.deepEqual([await last, asked[3].last, asked[2].signal.aborted], [3, '4', true]);
});

test('an application’s own fetch is used, whatever it gives', async () => {
  const asked = [];
  const { watch, questions } = await client('http://127.0.0.1:1', [status(0), DONE], {
    apiKey: 'k',
    fetch: async (url, { headers }) => {
      asked.push([url, headers.Authorization]);
      return { status: 200, headers: new Headers({ 'content-type': 'text/event-stream' }) };
    },
  });
  assert.deepEqual(await processed(watch()), [0, 3]);
  assert.deepEqual([asked, questions()], [[['http://127.0.0.1:1/v1/batches/B/events', 'Bearer k']], 2]);
});

/** An uploader whose batch is followed, and the host that is told the statuses; `told` resolves with the next. */
async function following(baseUrl) {
  const { Uploader, cloudindex } = await facade();
  let tell;
  const host = new Host((message, host) => {
    if (message.t === 'added') host.update({ phase: 'following', batchId: 'A' });
    if (message.t === 'status') tell?.(JSON.parse(message.text));
  });
  hosts.push(host);
  const uploader = new Uploader({ target: cloudindex({ apiKey: 'k', baseUrl, wasmUrl }) });
  const told = () => new Promise((come) => { tell = come; });
  const first = told();
  await uploader.add(files('a'));
  return { uploader, host, told, first };
}

test('an upload that follows its batch hears its events, and hands them to the engine; paused, cancelled, over or closed it hears none', async (t) => {
  const server = await serve(t, events(event(1, status(1))));
  const { uploader, host, told, first } = await following(server.url);
  assert.deepEqual(await first, status(1));
  for (const [n, phase] of ['paused', 'running', 'complete', 'cancelled'].entries()) {
    host.update({ phase });
    await server.closed[n];
    const next = told();
    host.update({ phase: 'following' });
    assert.deepEqual(await next, status(1), `after ${phase}`);
  }
  uploader.close();
  await server.closed[4];
  assert.equal(server.asked.length, 5);
});

test('an upload that goes on to another batch, and follows it before it is told of anything between, hears that one', async (t) => {
  const urls = [];
  const server = await serve(t, (response, { url }) => {
    urls.push(url);
    events(event(1, { ...status(1), batchId: url.split('/')[3] }))(response);
  });
  const { uploader, host, told, first } = await following(server.url);
  assert.equal((await first).batchId, 'A');
  const next = told();
  host.update({ phase: 'following', batchId: 'B' });
  assert.equal((await next).batchId, 'B');
  await server.closed[0];
  uploader.close();
  await server.closed[1];
  assert.deepEqual(urls, ['/v1/batches/A/events', '/v1/batches/B/events']);
});
