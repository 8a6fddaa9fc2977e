// Cancelled while requests fly: nothing more comes.
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { test } from 'node:test';
import { UPLOADER, open, over, quiet, some } from './world.mjs';

test('cancel', async (t) => {
  const sources = await some(t, Array.from({ length: 60 }, () => 300_000));
  const { server, gate, browser } = await open(t);
  gate.hold();
  await browser.choose('#files', [...sources.values()], UPLOADER);
  await browser.waitFor(() => document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.window > .row'));
  while (!gate.seen.some((request) => request.startsWith('POST'))) await wait(20);
  await browser.click('[data-command=ask-cancel]', UPLOADER);
  await browser.waitFor(() => document.querySelector('cloudindex-uploader').shadowRoot.querySelector('[data-command=cancel]'));
  await browser.click('[data-command=cancel]', UPLOADER);
  const { phase, notice } = await over(browser);
  assert.equal(phase, 'cancelled');
  assert.match(notice, /^Cancelled\. 0 files/);
  const asked = gate.seen.length;
  gate.release();
  // That nothing follows can only be watched for a while.
  await wait(1500);
  assert.deepEqual(gate.seen.slice(asked).filter((request) => request.startsWith('POST')), []);
  assert.equal((await server.metrics()).cloudindex_block_bytes_total ?? 0, 0);
  await quiet(browser);
});
