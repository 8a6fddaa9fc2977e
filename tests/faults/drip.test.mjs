// What comes, but so slowly that it is as good as nothing; and a link that is slow in earnest, which is no fault.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTENT, arrived, begin, chosen, openBlank, over, settle, some } from './world.mjs';

/** The sixth request with content: when it leaves, the speed of the link is known, and time is allowed by that. */
const sixth = (fault) => [{ on: 'POST *', minBody: CONTENT, when: { nth: 6 }, fault }];

test('slow drip of a request', async (t) => {
  const sources = await chosen(await some(t, 400, 50_000));
  const { server, page, proxy } = await openBlank(t, { rules: sixth({ drip: { up: 1000 } }) });
  await begin(page, sources, { network: { timeout: 1000 } });
  const end = await over(page);
  arrived(end);
  assert.equal((await proxy.stats()).rules[0].struck, 1);
  // What had dripped through before it was given up, and after it from the buffers on the way.
  await settle(t, { server, batchId: end.batchId, sources, most: async () => (await proxy.stats()).rules[0].passed });
});

test('slow drip of a reply', async (t) => {
  const sources = await chosen(await some(t, 400, 50_000));
  const { server, page, proxy } = await openBlank(t, { rules: sixth({ drip: { down: 20 } }) });
  await begin(page, sources, { network: { timeout: 1000 } });
  const end = await over(page);
  arrived(end);
  assert.equal((await proxy.stats()).rules[0].struck, 1);
  // The server had taken that request, and tells so when it is asked.
  await settle(t, { server, batchId: end.batchId, sources, most: 0 });
});

test('slow link', async (t) => {
  // Five requests of half a megabyte, as they are before the speed is known, need 5 s here: more than the timeout.
  const sources = await chosen(await some(t, 60, 50_000));
  const { server, page } = await openBlank(t, { link: { up: 500_000 } });
  await begin(page, sources, { network: { timeout: 3000 } });
  const end = await over(page);
  arrived(end);
  // None is given up: this is no fault.
  await settle(t, { server, batchId: end.batchId, sources, most: 0 });
});
