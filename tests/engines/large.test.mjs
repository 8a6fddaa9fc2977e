// One file of 200 MB: cut and named in workers, its blocks sent from the disk.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UPLOADER, arrived, open, some } from './world.mjs';

const BYTES = 200_000_000;

test('one file of 200 MB', async (t) => {
  const sources = await some(t, [BYTES]);
  const world = await open(t);
  await world.browser.choose('#files', [...sources.values()], UPLOADER);
  await arrived(world, sources);
  const { cloudindex_block_bytes_total: received } = await world.server.metrics();
  assert.equal(received, BYTES);
});
