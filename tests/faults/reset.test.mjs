// Connections that break: before a request, within its body, by chance.
import { test } from 'node:test';
import { drop } from '../e2e/element.mjs';
import { filesOf } from '../e2e/verify.mjs';
import { CONTENT, arrived, arrivedOnPage, begin, chosen, open, openBlank, over, settle, some } from './world.mjs';

const UP = 8_000_000; // slow enough that the content goes in a dozen requests

test('reset before a request', async (t) => {
  const folder = await some(t, 300, 50_000);
  const rules = [{ on: 'POST *', minBody: CONTENT, when: { first: 3 }, fault: 'reset' }];
  const { server, page, proxy } = await open(t, { rules, link: { up: UP } });
  await drop(page, [folder]);
  await proxy.struck(0, 3);
  await arrivedOnPage(page, 300);
  // Nothing of them had gone on.
  await settle(t, { server, sources: await filesOf(folder), most: 0 });
});

test('reset within a body', async (t) => {
  const folder = await some(t, 300, 50_000);
  const rules = [{ on: 'POST *', minBody: CONTENT, when: { first: 3 }, fault: { cut: { after: 200_000 } } }];
  const { server, page, proxy } = await open(t, { rules, link: { up: UP } });
  await drop(page, [folder]);
  await proxy.struck(0, 3);
  await arrivedOnPage(page, 300);
  // What had gone on when they were cut.
  await settle(t, { server, sources: await filesOf(folder), most: async () => (await proxy.stats()).rules[0].passed });
});

test('resets by chance', async (t) => {
  const sources = await chosen(await some(t, 300, 50_000));
  const rules = [{ on: 'POST *', minBody: CONTENT, when: { chance: 0.3 }, fault: { cut: { after: 300_000 } } }];
  const { server, page, proxy } = await openBlank(t, { rules, link: { up: UP }, seed: 5 });
  // Seven attempts: that chance strikes one request as often is out of the question.
  await begin(page, sources, { retryAttempts: 7, retryStrategy: { backoff: { initial: 200 } } });
  const end = await over(page);
  arrived(end);
  const { struck, passed } = (await proxy.stats()).rules[0];
  t.diagnostic(`${struck} struck`);
  await settle(t, { server, batchId: end.batchId, sources, most: passed });
});
