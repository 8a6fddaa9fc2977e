// A token that runs out while much is under way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTENT, arrived, begin, chosen, openBlank, over, settle, some, sum } from './world.mjs';
import { KEY } from '../e2e/server.mjs';

const EXPIRED = { status: { status: 401, headers: { 'content-type': 'application/problem+json' }, body: '{"code":"unauthorized"}' } };

/** `getToken` gives this from now on. */
const token = (page, value) => page.evaluate((value) => {
  window.token = value;
}, value);

test('401 for several at once, one refresh', async (t) => {
  const sources = await chosen(await some(t, 300, 50_000));
  // They wait for each other, so that all have left before the first is answered.
  const match = { on: 'POST *', minBody: CONTENT, when: { first: 3 } };
  const { server, page, proxy } = await openBlank(t, { rules: [{ ...match, fault: { latency: { ms: 800 } } }, { ...match, fault: EXPIRED }] });
  await token(page, KEY);
  await begin(page, sources);
  const end = await over(page);
  arrived(end);
  assert.equal((await proxy.stats()).rules[1].struck, 3);
  assert.equal(end.tokens, 2, 'once at the start, once for the three');
  // Their bodies went nowhere.
  await settle(t, { server, batchId: end.batchId, sources, most: 0 });
});

test('401 of the server, with another key after a restart', async (t) => {
  const sources = await chosen(await some(t, 300, 50_000));
  const { server, page, proxy } = await openBlank(t, { link: { up: 8_000_000 } });
  await token(page, KEY);
  await begin(page, sources);
  await proxy.passed(4_000_000);
  await token(page, 'another-key');
  // Nothing more gets through until the server is another; what it has received until then is received.
  await proxy.rules([{ on: '*', fault: 'reset' }]);
  await proxy.sever();
  const { cloudindex_block_bytes_total: before } = await server.metrics();
  await server.kill();
  await server.restart(['--api-key', 'another-key']);
  await proxy.rules([]);
  const end = await over(page);
  arrived(end);
  assert.equal(end.tokens, 2, 'once at the start, once for the restart');
  // What broke with the restart; of a request that is not authorized the server reads no content.
  const most = async () => sum((await proxy.log()).filter(({ status }) => status === 0), 'passed');
  await settle(t, { server, batchId: end.batchId, sources, most, before });
});

test('401 again after the refresh is the end', async (t) => {
  const sources = await chosen(await some(t, 20, 50_000));
  const { server, page } = await openBlank(t, { rules: [{ on: 'POST *', minBody: CONTENT, fault: EXPIRED }] });
  await token(page, KEY);
  await begin(page, sources);
  const end = await over(page);
  assert.deepEqual([end.reason, end.tokens], ['unauthorized', 2]);
  for (const { status, code } of end.results) assert.deepEqual([status, code], ['failed', 'unauthorized']);
  await settle(t, { server, batchId: end.batchId, sources: new Map() });
});
