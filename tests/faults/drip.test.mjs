// What comes, but so slowly that it is as good as nothing; and a link that is slow in earnest, which is no fault.
import { test } from 'node:test';
import { CONTENT, arrived, begin, chosen, openBlank, over, settle, some } from './world.mjs';

test('slow drip of a request', async (t) => {
  const sources = await chosen(await some(t, 200, 50_000));
  const rules = [{ on: 'POST *', minBody: CONTENT, when: { nth: 3 }, fault: { drip: { up: 10_000 } } }];
  const { server, page, proxy } = await openBlank(t, { rules, link: { up: 8_000_000 } });
  await begin(page, sources, { network: { timeout: 1500 } });
  const end = await over(page);
  arrived(end);
  // What had dripped through before it was given up.
  const [{ struck, passed }] = (await proxy.stats()).rules;
  t.diagnostic(`${struck} struck`);
  await settle(t, { server, batchId: end.batchId, sources, most: passed });
});

test('slow drip of a reply', async (t) => {
  const sources = await chosen(await some(t, 200, 50_000));
  const rules = [{ on: 'POST *', minBody: CONTENT, when: { nth: 3 }, fault: { drip: { down: 20 } } }];
  const { server, page, proxy } = await openBlank(t, { rules, link: { up: 8_000_000 } });
  await begin(page, sources, { network: { timeout: 1500 } });
  const end = await over(page);
  arrived(end);
  // The server had taken that request, and the page could not know.
  const most = (await proxy.stats()).rules[0].passed;
  await settle(t, { server, batchId: end.batchId, sources, most });
});

test('slow link', async (t) => {
  // Five requests of half a megabyte, as they are before the speed is known, need 5 s here: more than the timeout.
  const sources = await chosen(await some(t, 60, 50_000));
  const { server, page, proxy } = await openBlank(t, { link: { up: 500_000 } });
  await begin(page, sources, { network: { timeout: 3000 } });
  const end = await over(page);
  arrived(end);
  // Requests that were given up; once the speed is known none should be.
  const broken = (await proxy.log()).filter(({ status, length }) => status === 0 && length > CONTENT);
  t.diagnostic(`${broken.length} given up`);
  await settle(t, { server, batchId: end.batchId, sources, most: broken.reduce((total, { passed }) => total + passed, 0) });
});
