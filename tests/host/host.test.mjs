// A whole upload through Host and Intake against a toy server that is a `fetch`, and all that the ports may bring.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chromium } from './chromium.mjs';

const { inPage, page, log } = chromium();

test('files go through host and intake to a server', async () => {
  const { progress, arrived } = await inPage(async () => {
    const { OPTIONS, Toy, Upload, equal, file, must, noise } = await import('/in-page.js');
    const toy = new Toy();
    toy.busy = 2;
    const upload = await Upload.start(OPTIONS, toy.fetch);
    const contents = [0, 1, 4096, 70_000, 1 << 20, (1 << 20) + 1, 9_000_000].map((length) => [`${length} bytes`, noise(length, length)]);
    for (let n = 0; n < 150; n++) contents.push([`many/${n}`, noise(1000 + n, n)]);
    const added = upload.intake.add(contents.map(([name, bytes]) => file(bytes, name)));
    const { progress } = await upload.phase('complete');
    await added;
    for (const [name, bytes] of contents) must(equal(await toy.content(name), bytes), name);
    return { progress, arrived: toy.files.size };
  });
  assert.deepEqual([progress.total, progress.completed, arrived], [157, 157, 157]);
});

test('the numbers of an update come beside it', async () => {
  const last = await inPage(async () => {
    const { OPTIONS, Toy, Upload } = await import('/in-page.js');
    const upload = await Upload.start(OPTIONS, new Toy().fetch);
    await upload.intake.add([new File(['x'], 'one')]);
    const { update, secondsLeft, ...more } = await upload.until('update', ({ update }) => JSON.parse(update).phase === 'complete');
    return { ...more, secondsLeft: String(secondsLeft) };
  });
  assert.deepEqual(last, { t: 'update', bytesPerSecond: last.bytesPerSecond, percent: 100, secondsLeft: 'NaN' });
  assert.equal(typeof last.bytesPerSecond, 'number');
});

test('calls are answered and tokens refreshed', async () => {
  const { good, refused } = await inPage(async () => {
    const { OPTIONS, Toy, Upload } = await import('/in-page.js');
    const toy = new Toy();
    const upload = await Upload.start({ ...OPTIONS, apiKey: 'old', refresh: true }, toy.fetch);
    upload.say({ t: 'call', id: 7, method: 'GET', path: '/v1/batches/b' });
    await upload.until('refresh');
    upload.say({ t: 'token', token: 'good' });
    const good = await upload.until('answer');

    toy.token = 'changed';
    upload.say({ t: 'call', id: 8, method: 'POST', path: '/v1/batches', body: '{}' });
    await upload.until('refresh');
    upload.say({ t: 'token', error: 'signed out' });
    return { good, refused: await upload.until('answer') };
  });
  assert.deepEqual([good.id, JSON.parse(good.body).batchId], [7, 'b']);
  assert.equal(refused.id, 8);
  assert.equal(typeof refused.error.code, 'string');
});

test('pause, remove, resume and cancel reach the engine', async () => {
  const arrived = await inPage(async () => {
    const { OPTIONS, Toy, Upload } = await import('/in-page.js');
    const toy = new Toy();
    const upload = await Upload.start(OPTIONS, toy.fetch);
    upload.say({ t: 'pause' });
    await upload.intake.add(['a', 'b', 'c'].map((name) => new File([name], name)));
    await upload.phase('paused');
    upload.say({ t: 'remove', ids: [1] });
    for (const odd of [{ t: 'nonsense' }, 7, null, undefined, {}]) upload.say(odd);
    upload.say({ t: 'resume' });
    await upload.phase('complete');

    const other = await Upload.start(OPTIONS, toy.fetch);
    other.say({ t: 'pause' });
    await other.intake.add([new File(['x'], 'never')]);
    other.say({ t: 'cancel' });
    await other.phase('cancelled');
    return [...toy.files.keys()].sort();
  });
  assert.deepEqual(arrived, ['a', 'c']);
  assert.equal(log().filter((line) => line.includes('the control port brought')).length, 5);
});

test('an id that is none takes no other file for it', async () => {
  const arrived = await inPage(async () => {
    const { OPTIONS, Toy, Upload, overwrite, stored } = await import('/in-page.js');
    const toy = new Toy();
    const upload = await Upload.start(OPTIONS, toy.fetch);
    const changed = await stored('no id', 10);
    await overwrite('no id');
    upload.say({ t: 'pause' });
    await upload.intake.add([new File(['x'], 'first'), changed]);
    const ids = [undefined, null, 'x', NaN, -1, 0.5, 2 ** 32, {}];
    upload.say({ t: 'remove', ids });
    upload.say({ t: 'resume' });
    await upload.phase('complete');
    const changes = [];
    upload.say({ t: 'retry', ids: [...ids, 1] });
    await upload.phase('complete', changes);
    return { arrived: [...toy.files.keys()], again: [...new Set(changes.map(({ id }) => id))] };
  });
  assert.deepEqual(arrived, { arrived: ['first'], again: [1] });
});

test('a file that can’t be read fails alone, and may be tried again', async () => {
  const { failed, committed } = await inPage(async () => {
    const { OPTIONS, Toy, Upload, overwrite, stored } = await import('/in-page.js');
    const upload = await Upload.start(OPTIONS, new Toy().fetch);
    const changed = await stored('changed', 1000);
    await overwrite('changed');
    const looksLikeOne = { name: 'looks', arrayBuffer() {}, stream() {} };
    const blob = Object.assign(new Blob(['x']), { name: 'blob' });
    const changes = [];
    await upload.intake.add([new File(['x'], 'good'), looksLikeOne, blob, changed]);
    await upload.phase('complete', changes);
    upload.say({ t: 'retry', ids: [3] });
    await upload.phase('complete', changes);
    return {
      failed: changes.filter(({ state }) => state === 'failed').map(({ id, error }) => [id, error.code, error.message]),
      committed: changes.filter(({ state }) => state === 'committed').map(({ id }) => id),
    };
  });
  assert.deepEqual(committed, [0]);
  failed.sort(([a], [b]) => a - b);
  const reasons = [[1, /DataCloneError/], [2, /it is no file but a value of class Blob/], [3, /NotReadableError/], [3, /NotReadableError/]];
  assert.equal(failed.length, reasons.length, JSON.stringify(failed));
  for (const [at, [row, reason]] of reasons.entries()) {
    const [id, code, message] = failed[at];
    assert.deepEqual([id, code], [row, 'file_unreadable']);
    assert.match(message, reason);
  }
});

test('even what is no row counts', async () => {
  const { changes, total } = await inPage(async () => {
    const { OPTIONS, Toy, Upload } = await import('/in-page.js');
    const upload = await Upload.start(OPTIONS, new Toy().fetch);
    for (const odd of [undefined, null, 7, 'text', {}, [], [99], [-1], [3], [3, 1], [4, 'x']]) upload.files.postMessage(odd);
    upload.files.postMessage([0, undefined, 7, [], [null, null, null, null, null, null, null, null], [1, 2n, 3n, 'x', 5, 6, 7, {}]]);
    upload.files.postMessage([0, ['last', '', undefined, undefined, undefined, undefined, undefined, new File(['x'], 'last')]]);
    upload.files.postMessage([1]);
    // What has no file is asked for.
    upload.files.onmessage = ({ data: [, ...rows] }) => {
      for (const row of rows) upload.files.postMessage([4, row, 'gone']);
    };
    const changes = [];
    const { progress } = await upload.phase('complete', changes);
    return { changes: changes.filter(({ state }) => state === 'committed').map(({ id }) => id), total: progress.total };
  });
  assert.deepEqual([changes, total], [[5], 6]);
  assert.equal(log().filter((line) => line.includes('the files port brought')).length, 11);
});

test('a file that was only looked at is opened when it is to be read', async () => {
  const { asked, failed, committed } = await inPage(async () => {
    const { OPTIONS, Toy, Upload, must } = await import('/in-page.js');
    const toy = new Toy();
    const upload = await Upload.start(OPTIONS, toy.fetch);
    const asked = [];
    const files = [new File(['one'], 'one'), 'NotReadableError: busy', new File(['x'.repeat(2_000_000)], 'large')];
    upload.files.onmessage = ({ data: [kind, ...rows] }) => {
      must(kind === 4, `${kind} was not asked for`);
      for (const row of rows) {
        asked.push(row);
        upload.files.postMessage([4, row, files[row]]);
      }
    };
    upload.files.postMessage([0, ['one', '', 3, 7], ['busy', '', 5, 7], ['large', '', 2_000_000, 7]]);
    upload.files.postMessage([1]);
    const changes = [];
    await upload.phase('complete', changes);
    must(toy.files.size === 2, 'not both are there');
    return {
      asked: asked.sort(),
      failed: changes.filter(({ state }) => state === 'failed').map(({ id, error }) => [id, error.message]),
      committed: changes.filter(({ state }) => state === 'committed').map(({ id }) => id).sort(),
    };
  });
  assert.deepEqual([asked, committed], [[0, 1, 2], [0, 2]]);
  assert.equal(failed.length, 1);
  assert.equal(failed[0][0], 1);
  assert.match(failed[0][1], /NotReadableError: busy/);
});

test('a file that changed while it was sent is found out, and not the network', async () => {
  const { failed, requests } = await inPage(async () => {
    const { OPTIONS, Toy, Upload, overwrite, stored } = await import('/in-page.js');
    const toy = new Toy();
    const file = await stored('sent', 3_000_000);
    let written;
    // By the browser's own hands: it does not say what was wrong.
    const fetch = async (url, options) => {
      if (options.body instanceof Blob) {
        await (written ??= overwrite('sent'));
        await globalThis.fetch('data:,', { method: 'POST', body: options.body });
        await new Response(options.body).arrayBuffer();
      }
      return toy.fetch(url, options);
    };
    const upload = await Upload.start(OPTIONS, fetch);
    await upload.intake.add([file]);
    const changes = [];
    await upload.phase('complete', changes);
    return { failed: changes.filter(({ state }) => state === 'failed').map(({ error }) => error), requests: toy.requests };
  });
  assert.deepEqual(failed.map(({ code }) => code), ['file_unreadable']);
  assert.ok(!requests.some((request) => request.endsWith('/healthz')), requests.join());
});

test('a block that is not kept can’t be sent, and the next request is another', async () => {
  const { reports, calls } = await inPage(async () => {
    const { OPTIONS, Queue, Upload, bytes, spy } = await import('/in-page.js');
    const { fetch, calls } = spy();
    const { host } = await Upload.start(OPTIONS, fetch);
    const reports = new Queue();
    host.noReply = (...report) => reports.push(report);
    host.reply = (...report) => reports.push(report);
    host.header('Authorization', 'Bearer k');
    host.block(1, 2);
    host.send(8, 'POST', 'https://toy.test/x', false);
    const view = bytes('a part');
    host.bytes(view);
    // The wasm's memory goes on without it.
    view.fill(0);
    host.send(9, 'POST', 'https://toy.test/y', false);
    const first = [await reports.next(), await reports.next()].map(([attempt, what]) => [attempt, what]);
    return { reports: first, calls: calls.map(([url, { headers, body }]) => [url, headers, new TextDecoder().decode(body)]) };
  });
  assert.deepEqual(reports, [[8, 'TypeError: block 2 of file 1 is not kept'], [9, 200]]);
  assert.deepEqual(calls, [['https://toy.test/y', {}, 'a part']]);
});

test('a journal is one host’s at a time', async () => {
  const seen = await inPage(async () => {
    const { OPTIONS, Toy, Upload, locks, sleep } = await import('/in-page.js');
    const options = { ...OPTIONS, resume: 'turns' };
    const toy = new Toy();
    const first = await Upload.start(options, toy.fetch);
    first.say({ t: 'pause' });
    await first.intake.add([new File(['a'], 'a')]);
    await first.phase('paused');
    const held = await locks();
    const second = await Upload.start(options, toy.fetch);
    await second.intake.add([new File(['b'], 'b')]);
    const { reason } = await second.phase('stalled');
    first.say({ t: 'close' });
    await first.until('left');
    await second.phase('complete');
    while (await locks() > 0) await sleep(5);
    return { held, reason: reason.code, arrived: [...toy.files.keys()] };
  });
  assert.deepEqual(seen, { held: 1, reason: 'journal_busy', arrived: ['b'] });
});

test('what a journal says is gone on with, or discarded', async () => {
  const seen = await inPage(async () => {
    const { OPTIONS, Toy, Upload, locks } = await import('/in-page.js');
    const options = { ...OPTIONS, resume: 'gone on with' };
    const toy = new Toy();
    const upload = async (name, wait) => {
      const host = await Upload.start(options, toy.fetch);
      await host.intake.add([new File([name], name)]);
      await wait(host);
      host.say({ t: 'close' });
      await host.until('left');
    };
    const batches = () => toy.requests.filter((request) => request === 'POST /v1/batches').length;
    // It ends before the server hears that it is complete.
    toy.silent = '/complete';
    await upload('a', (host) => host.until('update', ({ update }) => update.includes('"committed"')));
    await upload('b', (host) => host.until('update', ({ update }) => update.includes('"committed"')));
    const together = batches();

    const discarding = await Upload.start(options, toy.fetch);
    discarding.say({ t: 'discard' });
    await discarding.until('left');
    const held = await locks();
    toy.silent = undefined;
    await upload('c', (host) => host.phase('complete'));
    return { together, held, apart: batches() };
  });
  assert.deepEqual(seen, { together: 1, held: 0, apart: 2 });
});

test('a closed host does nothing more', async () => {
  const { said, requests } = await inPage(async () => {
    const { OPTIONS, Toy, Upload, sleep } = await import('/in-page.js');
    const toy = new Toy();
    const upload = await Upload.start(OPTIONS, toy.fetch);
    upload.say({ t: 'close' });
    // There was no journal to let go, which is told for those who wait for it.
    await upload.until('left');
    upload.say({ t: 'call', id: 1, method: 'GET', path: '/v1/batches/b' });
    await upload.intake.add([new File(['x'], 'late')]);
    globalThis.dispatchEvent(new Event('offline'));
    await sleep(300);
    return { said: upload.inbox.all(), requests: toy.requests };
  });
  assert.deepEqual([said, requests], [[], []]);
});

test('a host that is closed in the midst of it calls everything off', async () => {
  const { aborted, said } = await inPage(async () => {
    const { OPTIONS, Toy, Upload, file, noise, sleep } = await import('/in-page.js');
    const toy = new Toy();
    const signals = [];
    const upload = await Upload.start(OPTIONS, (url, options) => {
      signals.push(options.signal);
      // Nobody answers once documents are on their way.
      return options.method === 'POST' && url.endsWith('/documents') ? new Promise(() => {}) : toy.fetch(url, options);
    });
    void upload.intake.add([file(noise(2000, 1), 'small'), file(noise(9_000_000, 2), 'large')]);
    while (signals.length < 2) await sleep(5);
    upload.say({ t: 'close' });
    await upload.until('left');
    await sleep(100);
    return { aborted: signals.at(-1).aborted, said: upload.inbox.all() };
  });
  assert.deepEqual([aborted, said], [true, []]);
});

test('wrong options are thrown', async () => {
  const thrown = await inPage(async () => {
    const { Host } = await import('/in-page.js');
    try {
      new Host('{"apiKy":"k"}', new MessageChannel().port1);
      return undefined;
    } catch (thrown) {
      return thrown;
    }
  });
  const { type, code, message } = JSON.parse(thrown);
  assert.deepEqual([type, code], ['validation', 'invalid_option']);
  assert.match(message, /apiKy/);
});
