// Requests that vanish: no answer, no error, nothing.
import { test } from 'node:test';
import { CONTENT, arrived, begin, chosen, openBlank, over, settle, some } from './world.mjs';

test('black hole', async (t) => {
  const sources = await chosen(await some(t, 200, 50_000));
  const rules = [{ on: 'POST *', minBody: CONTENT, when: { first: 3 }, fault: 'blackhole' }];
  const { server, page, proxy } = await openBlank(t, { rules, link: { up: 8_000_000 } });
  await begin(page, sources, { network: { timeout: 1000 } });
  await proxy.struck(0, 3);
  const end = await over(page);
  arrived(end);
  // The server saw nothing of them.
  await settle(t, { server, batchId: end.batchId, sources, most: 0 });
});
