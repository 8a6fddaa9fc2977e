// Requests that arrive twice, and replies that come when nobody waits any more.
import { test } from 'node:test';
import { filesOf } from '../e2e/verify.mjs';
import { CONTENT, arrived, arrivedOnPage, begin, chosen, open, openBlank, over, settle, some } from './world.mjs';

test('duplicate requests', async (t) => {
  const folder = await some(t, 300, 50_000);
  const { server, page, proxy } = await open(t, { rules: [{ on: 'POST *', fault: 'duplicate' }] });
  await page.drop('#drop', [folder]);
  await arrivedOnPage(page, 300);
  // The page sent everything once.
  const { received } = (await proxy.stats()).total;
  await settle(t, { server, sources: await filesOf(folder), most: received });
});

test('late replies', async (t) => {
  const sources = await chosen(await some(t, 200, 50_000));
  const rules = [{ on: 'POST *', minBody: CONTENT, when: { first: 3 }, fault: { lateReply: { ms: 4000 } } }];
  const { server, page, proxy } = await openBlank(t, { rules, link: { up: 8_000_000 } });
  await begin(page, sources, { network: { timeout: 1000 } });
  const end = await over(page);
  arrived(end);
  const most = (await proxy.stats()).rules[0].passed;
  await settle(t, { server, batchId: end.batchId, sources, most });
});
