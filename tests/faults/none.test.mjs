// No fault: the measure for all others.
import { test } from 'node:test';
import { drop } from '../e2e/element.mjs';
import { filesOf } from '../e2e/verify.mjs';
import { arrivedOnPage, open, settle, some } from './world.mjs';

test('no fault', async (t) => {
  const folder = await some(t, 300, 50_000);
  const { server, page, proxy } = await open(t, { link: { up: 8_000_000 } });
  await drop(page, [folder]);
  await arrivedOnPage(page, 300);
  if (process.env.LOG) for (const r of await proxy.log()) if (r.method === 'POST') t.diagnostic(JSON.stringify(r));
  // To the byte: each file once.
  await settle(t, { server, sources: await filesOf(folder) });
});
