// Requests that vanish: no answer, no error, nothing.
import { test } from 'node:test';
import { CONTENT, arrived, begin, chosen, openBlank, over, settle, some } from './world.mjs';

test('black hole', async (t) => {
  const sources = await chosen(await some(t, 400, 50_000));
  // Not the first five: they leave when nothing is known of the link, and get half a minute more.
  const rules = [6, 7].map((nth) => ({ on: 'POST *', minBody: CONTENT, when: { nth }, fault: 'blackhole' }));
  const { server, page, proxy } = await openBlank(t, { rules });
  await begin(page, sources, { network: { timeout: 1000 } });
  await proxy.struck(1);
  const end = await over(page);
  arrived(end);
  // The server saw nothing of them.
  await settle(t, { server, batchId: end.batchId, sources, most: 0 });
});
