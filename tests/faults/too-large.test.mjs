// Something on the way takes no request over a size that nobody told.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { arrived, begin, chosen, noise, openBlank, over, settle, some } from './world.mjs';

const LIMIT = 300_000;

test('413, requests get smaller', async (t) => {
  const sources = await chosen(await some(t, 200, 50_000));
  const { server, page, proxy } = await openBlank(t, { rules: [{ on: 'POST *', fault: { maxBody: { bytes: LIMIT } } }] });
  await begin(page, sources);
  const end = await over(page);
  arrived(end);
  const log = await proxy.log();
  const refused = log.filter(({ status }) => status === 413);
  assert.ok(refused.length > 0, 'none was refused');
  // What is remembered: when the last refusal has come, all that begins is small enough; and refusals are few, not one a file.
  assert.ok(refused.length <= 20, `${refused.length} of ${log.length} requests were refused`);
  await settle(t, { server, batchId: end.batchId, sources, most: 0 });
});

test('413 for a file that cannot be split', async (t) => {
  const folder = await some(t, 50, 50_000);
  await writeFile(join(folder, 'large.bin'), noise(700_000, 1000));
  const sources = await chosen(folder);
  const { server, page } = await openBlank(t, { rules: [{ on: 'POST *', fault: { maxBody: { bytes: LIMIT } } }] });
  await begin(page, sources);
  const end = await over(page);
  const failed = end.results.filter(({ status }) => status === 'failed');
  assert.deepEqual(failed.map(({ path, code }) => [path, code]), [['large.bin', 'bundle_too_large']]);
  assert.match(failed[0].message, /limit/);
  sources.delete('large.bin');
  await settle(t, { server, batchId: end.batchId, sources, most: 0 });
});
