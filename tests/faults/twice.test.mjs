// Requests that arrive twice, and replies that come when nobody waits any more.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drop } from '../e2e/element.mjs';
import { filesOf } from '../e2e/verify.mjs';
import { CONTENT, arrived, arrivedOnPage, begin, chosen, open, openBlank, over, settle, some } from './world.mjs';

test('duplicate requests', async (t) => {
  const folder = await some(t, 300, 50_000);
  const { server, page, proxy } = await open(t, { rules: [{ on: 'POST *', fault: 'duplicate' }] });
  await drop(page, [folder]);
  await arrivedOnPage(page, 300);
  // The page sent everything once.
  const { received } = (await proxy.stats()).total;
  await settle(t, { server, sources: await filesOf(folder), most: received });
});

test('late replies', async (t) => {
  const sources = await chosen(await some(t, 400, 50_000));
  // Not the first five: they leave when nothing is known of the link, and get half a minute more.
  const rules = [6, 7].map((nth) => ({ on: 'POST *', minBody: CONTENT, when: { nth }, fault: { lateReply: { ms: 20_000 } } }));
  const { server, page, proxy } = await openBlank(t, { rules });
  await begin(page, sources, { network: { timeout: 1000 } });
  await proxy.struck(1);
  const end = await over(page);
  arrived(end);
  // The page no longer waited, but asks what the server has before it sends again: all of it.
  await settle(t, { server, batchId: end.batchId, sources, most: 0 });
});

test('all answers late at once, and then no more', async (t) => {
  const sources = await chosen(await some(t, 300, 50_000));
  const link = { up: 2_500_000 };
  const rules = [{ on: 'POST *', minBody: CONTENT, when: { from: 6 }, fault: { lateReply: { ms: 60_000 } } }];
  const { server, page, proxy } = await openBlank(t, { rules, link });
  await begin(page, sources, { network: { timeout: 1000 } });
  await proxy.struck(0, 5); // all that may be in flight
  await proxy.rules([], link);
  const end = await over(page);
  arrived(end);
  await settle(t, { server, batchId: end.batchId, sources, most: 0 });
  // Careful after an outage, but not for ever: bundles become bundles again.
  const content = (await proxy.log()).filter(({ length }) => length > CONTENT);
  const single = content.filter(({ length }) => length < 2 * CONTENT);
  t.diagnostic(`kB of requests: ${content.map(({ length }) => Math.round(length / 1000)).join(' ')}`);
  assert.ok(single.length <= 30, `${single.length} of ${content.length} requests carried one file each`);
});
