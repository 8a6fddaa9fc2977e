// After the upload: a batch is followed, searched, tried again and verified, by the package against the server, through proxies as there are.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { Gate } from './gate.mjs';
import { openBlank, scratch, tree } from './harness.mjs';
import { Page } from './page.mjs';
import { KEY, UPLOAD_ALONE } from './server.mjs';

const FILES = {
  'sea/tides.md': '# Tides\n\nThe moon pulls the sea up twice a day.\n',
  'sea/salt.txt': 'Salt is what is left when the sea goes away.\n',
  'house/bread.html': '<title>Bread</title><p>Flour, water, salt and a night in the cellar.</p>',
  'house/picture.png': Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64'),
};

/** A page of the server's origin that has chosen the files; `client` is there to evaluate with. */
async function withFiles(t, options) {
  const folder = await tree(t, 'archive', FILES);
  const opened = await openBlank(t, options);
  await opened.page.choose('#files', Object.keys(FILES).map((name) => `${folder}/${name}`));
  await opened.page.evaluate(async (apiKey) => {
    const { CloudIndex } = await import('/dist/index.js');
    window.cloudindex = new CloudIndex({ apiKey });
    /** Uploads into a batch of its own, follows it to its end, and tells how it stood each time. */
    window.uploadAndWatch = async (options) => {
      const batch = await cloudindex.batches.create({ name: 'After' });
      const statuses = cloudindex.batches.watch(batch.id, options);
      const seen = [(await statuses.next()).value];
      const watching = (async () => {
        for await (const status of statuses) seen.push(status);
      })();
      const metadata = ({ name }) => ({ shelf: name.endsWith('.md') ? 'blue' : 'red' });
      await cloudindex.documents.uploadBatch(document.querySelector('#files').files, { batchId: batch.id, metadata });
      await cloudindex.batches.complete(batch.id);
      await watching;
      return { batchId: batch.id, seen };
    };
    /** Which of the package's modules the page has loaded. */
    window.loaded = () => performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname).filter((path) => path.startsWith('/dist/'));
  }, KEY);
  return opened;
}

/** Statuses are in their order, each is another, and the last is of a batch that has ended with these files. */
function assertFollowed(seen) {
  const counts = seen.map(({ processedFiles, failedFiles }) => processedFiles + failedFiles);
  assert.deepEqual(counts, counts.toSorted((a, b) => a - b));
  assert.equal(new Set(seen.map((status) => JSON.stringify(status))).size, seen.length);
  assert.ok(seen.slice(0, -1).every(({ status }) => status === 'open' || status === 'processing'));
  const { status, totalFiles, processedFiles, failedFiles, progressPercentage } = seen.at(-1);
  assert.deepEqual([status, totalFiles, processedFiles, failedFiles, progressPercentage], ['completed', 4, 3, 1, 100]);
  // Null while there is nothing to measure, but told.
  assert.ok(seen.every((one) => 'documentsPerSecond' in one && 'bytesPerSecond' in one));
}

test('an upload loads nothing of what comes after it; then the batch is followed by events, listed, searched and asked for its errors', async (t) => {
  const { page, gate } = await withFiles(t, { between: (server) => Gate.before(server) });
  const before = await page.evaluate(async () => {
    await cloudindex.documents.uploadBatch(document.querySelector('#files').files);
    return loaded();
  });
  assert.ok(before.includes('/dist/core.js') && !before.includes('/dist/after.js'), before.join());

  const { batchId, seen } = await page.evaluate(() => uploadAndWatch());
  assertFollowed(seen);
  const watched = gate.seen.filter((call) => call.startsWith(`GET /v1/batches/${batchId}/`));
  assert.deepEqual(watched, [`GET /v1/batches/${batchId}/events`]);

  const { after, documents, one, hits, none, errors, retried, gone } = await page.evaluate(async (batchId) => {
    const { batches, documents } = cloudindex;
    const listed = [];
    for await (const document of documents.list(batchId)) listed.push(document);
    const found = async (query, filters) => (await cloudindex.search(query, { batchId, ...filters })).results;
    const [first] = listed;
    await documents.delete(first.id);
    return {
      after: loaded().filter((path) => path === '/dist/after.js').length,
      documents: listed.map(({ path, state, detectedType, metadata }) => [path, state, detectedType, metadata.shelf]),
      one: await documents.get(listed[1].id),
      hits: await found('what does the moon do to the sea?', { metadata: { shelf: 'blue' }, type: 'text/markdown', limit: 3 }),
      none: await found('moon', { pathPrefix: 'nowhere/' }),
      errors: await batches.getErrors(batchId),
      retried: await batches.retry(batchId),
      gone: await documents.get(first.id).catch(({ name, code, status }) => ({ name, code, status })),
    };
  }, batchId);
  assert.equal(after, 1);
  assert.deepEqual(documents.map(([path]) => path), ['bread.html', 'picture.png', 'salt.txt', 'tides.md']);
  assert.deepEqual(documents.filter(([, state]) => state === 'failed'), [['picture.png', 'failed', null, 'red']]);
  assert.deepEqual(documents.at(-1), ['tides.md', 'processed', 'text/markdown', 'blue']);
  assert.equal(one.path, 'picture.png');
  assert.deepEqual(hits.map(({ path, type, metadata, batchId: of }) => [path, type, metadata.shelf, of === batchId]), [['tides.md', 'text/markdown', 'blue', true]]);
  assert.match(hits[0].snippet, /moon/);
  assert.deepEqual(none, []);
  assert.deepEqual(errors.map(({ path, code, retryable }) => [path, code, retryable]), [['picture.png', 'unsupported_type', false]]);
  assert.deepEqual(retried, { retried: 0 });
  assert.deepEqual(gone, { name: 'UploadError', code: 'not_found', status: 404 });
});

/** A proxy whose `events(answer, response, n, other)` says what becomes of a batch's event stream, the `n`-th that is asked for: it gets the
 *  server's answer to pass on as it likes. All else goes on as it is; `other` resolves with the next of that. */
function eventsBy(events) {
  return async (server) => {
    const { hostname, port } = new URL(server.url);
    const asked = [];
    const proxy = http.createServer((request, response) => {
      const { method, url, headers } = request;
      const onward = http.request({ hostname, port, method, path: url, headers }, (answer) => {
        const stream = url.endsWith('/events') && asked.push(headers);
        if (stream) return events(answer, response, asked.length, once(proxy, 'other'));
        proxy.emit('other');
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.destroy());
      response.on('close', () => onward.destroy());
      request.pipe(onward);
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    return {
      asked,
      url: `http://127.0.0.1:${proxy.address().port}`,
      close() {
        proxy.closeAllConnections();
        proxy.close();
      },
    };
  };
}

test('event streams that are cut in the middle of an event go on where they were', async (t) => {
  const cut = (answer, response, n, other) => {
    response.writeHead(answer.statusCode, answer.headers);
    if (n > 3) return answer.pipe(response);
    let text = '';
    answer.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      const [event] = /id: \d+\nevent: status\n.*\n\n/.exec(text) ?? [];
      if (!event) return;
      answer.removeAllListeners('data');
      response.write(text);
      // What a page has not read when its stream breaks is lost to it. It uploads when it has read the first event.
      const read = n === 1 ? other : Promise.resolve();
      read.then(() => response.write(event.slice(0, -20), () => response.destroy()));
    });
  };
  const { page, gate } = await withFiles(t, { between: eventsBy(cut) });
  const { seen } = await page.evaluate(() => uploadAndWatch());
  assertFollowed(seen);
  // The first is told before there is anything to upload, so there is a second.
  const [first, second, ...more] = gate.asked.map((headers) => headers['last-event-id']);
  assert.deepEqual([first, typeof second], [undefined, 'string']);
  assert.ok(more.every((id, i) => Number(id) >= Number([second, ...more][i])), more.join());
});

for (const [what, events] of Object.entries({
  'answers a page in the place of events': (answer, response) => {
    answer.destroy();
    response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>');
  },
  'knows no events': (answer, response) => {
    answer.destroy();
    response.writeHead(404, { 'content-type': 'text/plain' }).end('no such thing');
  },
})) {
  test(`a proxy that ${what}: the batch is asked for each statusInterval`, async (t) => {
    const { page, gate } = await withFiles(t, { between: eventsBy(events) });
    const { seen } = await page.evaluate(() => uploadAndWatch({ statusInterval: 20 }));
    assertFollowed(seen);
    assert.equal(gate.asked.length, 1);
  });
}

test('a watch outlives a server that is killed and started again', async (t) => {
  const { page, server } = await withFiles(t, { serverOptions: { flags: ['--workers', '0'] } });
  const batchId = await page.evaluate(async () => {
    const { id } = await cloudindex.batches.create();
    await cloudindex.documents.uploadBatch(document.querySelector('#files').files, { batchId: id });
    window.seen = [];
    window.watching = (async () => {
      for await (const status of cloudindex.batches.watch(id, { statusInterval: 50 })) seen.push(status);
    })();
    return id;
  });
  await page.waitFor(() => seen.length > 0);
  await server.kill();
  await server.restart([]);
  await server.json(`/v1/batches/${batchId}/complete`, { method: 'POST' });
  const seen = await page.evaluate(async () => {
    await watching;
    return seen;
  });
  assertFollowed(seen);
});

test('what failed of a provider that was away is retried: the whole batch, or one document whatever its error', async (t) => {
  let works = false;
  const provider = http.createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    if (!works) return response.writeHead(503).end();
    const data = JSON.parse(text).input.map((_, index) => ({ index, embedding: [1, 0, 0, 0, 0, 0, 0, index] }));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data }));
  });
  await once(provider.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    provider.closeAllConnections();
    provider.close();
  });
  const url = `http://127.0.0.1:${provider.address().port}/embeddings`;
  const flags = ['--embeddings-url', url, '--embeddings-model', 'small', '--embeddings-width', '8', '--retry-wait', '1'];
  const { page } = await withFiles(t, { serverOptions: { flags } });
  const { batchId, seen } = await page.evaluate(() => uploadAndWatch());
  const { status, failedFiles } = seen.at(-1);
  assert.deepEqual([status, failedFiles], ['completed', 4]);

  works = true;
  const { groups, retried, last, picture } = await page.evaluate(async (batchId) => {
    const { batches, documents } = cloudindex;
    const groups = Object.groupBy(await batches.getErrors(batchId), ({ retryable }) => (retryable ? 'again' : 'final'));
    const { retried } = await batches.retry(batchId);
    const follow = async () => {
      let last;
      for await (last of batches.watch(batchId)) ;
      return last;
    };
    const last = await follow();
    const picture = await documents.retry(groups.final[0].documentId);
    await follow();
    return { groups, retried, last, picture: [picture.state, (await documents.get(picture.id)).state] };
  }, batchId);
  assert.deepEqual([groups.again.length, groups.final.map(({ path }) => path)], [3, ['picture.png']]);
  assert.ok(groups.again.every(({ type, code }) => type === 'system' && code === 'temporary_error'));
  assert.equal(retried, 3);
  assert.deepEqual([last.status, last.processedFiles, last.failedFiles], ['completed', 3, 1]);
  assert.deepEqual(picture, ['queued', 'failed']);
});

test('a batch is verified: while it waits, when it is processed, and when what was stored is damaged', async (t) => {
  const data = await scratch(t);
  const { page, server } = await withFiles(t, { serverOptions: { data, flags: ['--workers', '0'] } });
  const batchId = await page.evaluate(async () => {
    const { id } = await cloudindex.batches.create();
    await cloudindex.documents.uploadBatch(document.querySelector('#files').files, { batchId: id });
    await cloudindex.batches.complete(id);
    return id;
  });
  const verify = () => page.evaluate((batchId) => cloudindex.batches.verify(batchId, { probes: 100 }), batchId);
  const waits = await verify();
  assert.deepEqual([waits.ok, waits.waiting, waits.documents.stored, waits.embeddings.documents], [false, 4, 4, 0]);

  await server.kill();
  await server.restart([]);
  const { report, told } = await page.evaluate(async (batchId) => {
    for await (const status of cloudindex.batches.watch(batchId)) void status;
    const told = [];
    const report = await cloudindex.batches.verify(batchId, { probes: 100, onProgress: ({ documents }) => told.push(documents.checked) });
    return { report, told };
  }, batchId);
  const bytes = Object.values(FILES).reduce((sum, content) => sum + Buffer.byteLength(content), 0);
  const { dimension } = report.embeddings;
  assert.ok(dimension > 0);
  assert.deepEqual(report, {
    batchId,
    ok: true,
    documents: { checked: 4, stored: 4, bytes, damaged: [] },
    embeddings: { documents: 3, chunks: 3, present: 3, dimension, wrong: 0 },
    probes: { asked: 3, answered: 3, missed: [] },
    waiting: 0,
    failed: 1,
    errorRate: 0.25,
  });
  assert.equal(told.at(-1), 4);

  const packs = join(data, 'packs');
  for (const pack of await readdir(packs)) {
    const content = await readFile(join(packs, pack), 'latin1');
    await writeFile(join(packs, pack), content.replace('moon', 'loon'), 'latin1');
  }
  const { ok, documents } = await verify();
  assert.deepEqual([ok, documents.checked, documents.stored], [false, 4, 3]);
  assert.deepEqual(documents.damaged.map(({ path, code }) => [path, code]), [['tides.md', 'digest_mismatch']]);
  await assert.rejects(page.evaluate(() => cloudindex.batches.verify('no-such-batch')), /there is no batch/);
});

test('an upload token may watch its batch, and not search', async (t) => {
  const { page } = await withFiles(t);
  const { seen, refused } = await page.evaluate(async () => {
    const { CloudIndex } = await import('/dist/index.js');
    const { id } = await cloudindex.batches.create();
    let tokens = 0;
    const getToken = async () => {
      tokens += 1;
      return tokens === 1 ? 'ut_expired' : (await cloudindex.tokens.create({ batchId: id, expiresIn: 600 })).token;
    };
    const browser = new CloudIndex({ getToken });
    const watching = (async () => {
      const seen = [];
      for await (const { status } of browser.batches.watch(id)) seen.push(status);
      return [...seen.slice(-1), tokens];
    })();
    const mine = new CloudIndex({ apiKey: (await cloudindex.tokens.create({ batchId: id })).token });
    await mine.documents.uploadBatch(document.querySelector('#files').files, { batchId: id });
    await mine.batches.complete(id);
    const refused = await mine.search('sea').catch(({ name, code, status }) => ({ name, code, status }));
    return { seen: await watching, refused };
  });
  assert.deepEqual(seen, ['completed', 2]);
  assert.deepEqual(refused, { name: 'UploadError', code: 'forbidden', status: 403 });
});

test('a module that cannot be loaded later is told with the fix, and is loaded once it can be', async (t) => {
  const { page } = await withFiles(t, { between: missing });
  const failure = await page.evaluate(() => cloudindex.search('x').catch(({ name, code, message }) => ({ name, code, message })));
  assert.deepEqual([failure.name, failure.code], ['UploadError', 'module_unavailable']);
  assert.match(failure.message, /can't be loaded.*after\.js.*reload/);
});

/** A server of another version: it has no after.js any more. */
async function missing(server) {
  const { hostname, port } = new URL(server.url);
  const proxy = http.createServer((request, response) => {
    if (request.url === '/dist/after.js') return response.writeHead(404).end();
    request.pipe(http.request({ hostname, port, method: request.method, path: request.url, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    }).on('error', () => response.destroy()));
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${proxy.address().port}`,
    close() {
      proxy.closeAllConnections();
      proxy.close();
    },
  };
}

test('whoever follows many batches, in three tabs, keeps no connection from all else', { timeout: 60_000 }, async (t) => {
  const { page: first, browser, gate } = await withFiles(t, { serverOptions: { flags: UPLOAD_ALONE }, between: (server) => Gate.before(server) });
  const others = [await Page.open(browser, `${gate.url}/page/config.json`), await Page.open(browser, `${gate.url}/page/config.json`)];
  // A page that is not secure has no locks, and can agree with itself alone.
  await first.evaluate(() => { Object.defineProperty(navigator, 'locks', { value: undefined }); });
  const stands = [];
  for (const page of [first, ...others]) {
    stands.push(...await page.evaluate(async (apiKey) => {
      const { CloudIndex, Uploader, cloudindex } = await import('/dist/index.js');
      const client = new CloudIndex({ apiKey });
      // Uploads that are followed, and batches that are watched; a browser opens six connections to a server.
      for (let n = 0; n < 4; n++) {
        const uploader = new Uploader({ target: cloudindex({ apiKey }), tracking: { enabled: true, statusInterval: 100 } });
        const told = new Promise((come) => uploader.addEventListener('status', come, { once: true }));
        uploader.add([new File([crypto.randomUUID()], 'one.txt')]);
        await told;
      }
      const batches = await Promise.all(Array.from({ length: 4 }, () => client.batches.create({ name: 'Watched' })));
      const watches = batches.map(({ id }) => client.batches.watch(id, { statusInterval: 100 }));
      const first = await Promise.all(watches.map((watch) => watch.next()));
      await Promise.all(batches.map(({ id }) => client.batches.cancel(id)));
      const then = await Promise.all(watches.map((watch) => watch.next()));
      return [...first, ...then].map(({ value: { status } }) => status);
    }, KEY));
  }
  assert.deepEqual(stands, [1, 2, 3].flatMap(() => [...Array(4).fill('open'), ...Array(4).fill('cancelled')]));
});

test('searches and verifications that are aborted keep no connection from those that come after', { timeout: 60_000 }, async (t) => {
  const { page, gate } = await withFiles(t, { between: (server) => Gate.before(server) });
  const { batchId } = await page.evaluate(() => uploadAndWatch());
  // A browser opens six connections to a server; these are never answered.
  let held = 0;
  gate.answer = ({ url }) => (/search|verify/.test(url) && held < 8 ? new Promise(() => { held++; }) : undefined);
  for (let n = 0; n < 8; n++) {
    await page.evaluate((n, batchId) => {
      window.controller = new AbortController();
      const { signal } = controller;
      window.ended = (n % 2 ? cloudindex.search('moon', { signal }) : cloudindex.batches.verify(batchId, { signal })).catch(({ name }) => name);
    }, n, batchId);
    while (held <= n) await new Promise((next) => setTimeout(next, 10));
    assert.equal(await page.evaluate(() => { controller.abort(); return ended; }), 'AbortError');
  }
  const { results } = await page.evaluate(() => cloudindex.search('moon', { signal: new AbortController().signal }));
  assert.equal(results[0].path, 'tides.md');
});
