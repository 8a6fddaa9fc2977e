// Bodies that go as gzip.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chromium } from './chromium.mjs';

const { inPage, page } = chromium();
/** As in-page/requests.mjs has it. */
const ATTEMPT = 4;

test('a body is packed and told before it leaves', async () => {
  const { packed, then, headers, length, isWhole } = await inPage(async () => {
    const { bytes, equal, send, spy } = await import('/in-page.js');
    const text = bytes('a line of text, and another one\n'.repeat(10_000));
    const { fetch, calls } = spy();
    const { reports } = send(fetch, { method: 'POST', headers: { Authorization: 'Bearer k' }, parts: [text], packed: true });
    const [packed, then] = [await reports.next(), await reports.next()];
    const [[, { headers, body }]] = calls;
    const unpacked = await new Response(new Response(body).body.pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
    return { packed, then, headers, length: body.byteLength, isWhole: equal(new Uint8Array(unpacked), text) };
  });
  assert.deepEqual(packed, ['packed', ATTEMPT, length]);
  assert.ok(length > 20 && length < 320_000 / 50, `${length} bytes`);
  assert.deepEqual(then.slice(0, 3), ['reply', ATTEMPT, 200]);
  assert.deepEqual(headers, { Authorization: 'Bearer k', 'Content-Encoding': 'gzip' });
  assert.ok(isWhole);
});

test('where there is no compression it goes as it is', async () => {
  const alone = await page();
  const { packed, then, headers, body } = await alone.evaluate(async () => {
    const { bytes, send, spy } = await import('/in-page.js');
    delete globalThis.CompressionStream;
    const { fetch, calls } = spy();
    const { reports } = send(fetch, { method: 'POST', parts: [bytes('[some bytes]')], packed: true });
    const [[kind, attempt, length], then] = [await reports.next(), await reports.next()];
    const [[, { headers, body }]] = calls;
    return { packed: [kind, attempt, String(length)], then, headers, body: new TextDecoder().decode(body) };
  });
  assert.deepEqual(packed, ['packed', ATTEMPT, 'NaN']);
  assert.deepEqual(then.slice(0, 3), ['reply', ATTEMPT, 200]);
  assert.deepEqual([headers, body], [{}, '[some bytes]']);
});

test('an attempt that is called off while it is packed is never sent', async () => {
  const seen = await inPage(async () => {
    const { ATTEMPT, noise, send, spy, turn } = await import('/in-page.js');
    const { fetch, calls } = spy();
    const { http, reports } = send(fetch, { method: 'POST', parts: [noise(4_000_000, 7)], packed: true });
    // Of the turns that packing it takes.
    for (let turns = 0; turns < 3; turns++) await turn();
    http.abort(ATTEMPT);
    // By the end of another one, this one would have ended too.
    const other = send(spy().fetch, { method: 'POST', parts: [noise(4_000_000, 7)], packed: true });
    await other.reports.until(([kind]) => kind === 'reply');
    return { reports: reports.all(), sent: calls.length };
  });
  assert.deepEqual(seen, { reports: [], sent: 0 });
});

test('a file that is not what it was is suspected before packing is', async () => {
  const { reports, sent } = await inPage(async () => {
    const { overwrite, send, sleep, spy, stored } = await import('/in-page.js');
    const file = await stored('packed', 200_000);
    await overwrite('packed');
    const { fetch, calls } = spy();
    const { reports } = send(fetch, { method: 'POST', parts: [file], files: [3], packed: true });
    const first = await reports.next();
    await sleep(50);
    return { reports: [first, ...reports.all()], sent: calls.length };
  });
  assert.equal(reports.length, 1);
  const [[kind, attempt, , files]] = reports;
  assert.deepEqual([kind, attempt, files, sent], ['noReply', ATTEMPT, [3], 0]);
});

test('packing holds up nothing', async () => {
  const turns = await inPage(async () => {
    const { noise, send, spy, turn } = await import('/in-page.js');
    const { reports } = send(spy().fetch, { method: 'POST', parts: [noise(8_000_000, 7)], packed: true });
    let isPacked = false;
    void reports.next().then(() => { isPacked = true; });
    let turns = 0;
    for (; !isPacked; turns++) await turn();
    return turns;
  });
  // Counted and not timed: how long a turn takes says more of the machine. The body is packed in 31 slices.
  assert.ok(turns > 20, `something else had its turn ${turns} times`);
});

test('the answer to packed may be to call it off', async () => {
  const seen = await inPage(async () => {
    const { ATTEMPT, bytes, send, sleep, spy } = await import('/in-page.js');
    const { fetch, calls } = spy();
    const sent = send(fetch, { method: 'POST', parts: [bytes('abc')], packed: true }, () => sent.http.abort(ATTEMPT));
    const [kind] = await sent.reports.next();
    await sleep(50);
    return { kind, more: sent.reports.all(), sent: calls.length };
  });
  assert.deepEqual(seen, { kind: 'packed', more: [], sent: 0 });
});
