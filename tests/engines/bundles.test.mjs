// 300 small files in a few requests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UPLOADER, arrived, open, some } from './world.mjs';

test('300 small files in bundles', async (t) => {
  const sources = await some(t, Array.from({ length: 300 }, (_, i) => 2000 + i));
  const world = await open(t);
  await world.browser.choose('#files', [...sources.values()], UPLOADER);
  await arrived(world, sources);
  const posts = world.gate.seen.filter((request) => request.startsWith('POST'));
  t.diagnostic(`${posts.length} requests`);
  assert.ok(posts.length <= 30, `${posts.length} requests for 300 files:\n${posts.join('\n')}`);
});
