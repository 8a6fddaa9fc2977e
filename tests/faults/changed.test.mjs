// Files that become others while they are read: each fails alone, and nothing wrong is committed.
import assert from 'node:assert/strict';
import { appendFile, link, open as openFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { MB, begin, chosen, noise, openBlank, over, settle, some } from './world.mjs';

// More than is read ahead (two thirds of 64 MiB): reading is still under way when the first bytes have arrived.
const LARGE = 60 * MB;

const CHANGES = {
  changed: async (path) => {
    const file = await openFile(path, 'r+');
    await file.write(noise(MB, 999), 0, MB, LARGE - 2 * MB);
    await file.close();
  },
  grown: (path) => appendFile(path, noise(MB, 999)),
  shrunk: (path) => truncate(path, LARGE / 2),
  vanished: (path) => rm(path),
};

for (const [how, change] of Object.entries(CHANGES)) {
  test(`file ${how} during the upload`, async (t) => {
    const folder = await some(t, 20, 50_000);
    const path = join(folder, 'large.bin');
    await writeFile(path, noise(LARGE, 998));
    // As it was, whatever becomes of its name.
    const original = `${folder}.original`;
    if (how === 'vanished') await link(path, original);
    const sources = await chosen(folder);
    const { server, page, proxy } = await openBlank(t, { link: { up: 10 * MB } });
    await begin(page, sources);
    await proxy.passed(5 * MB);
    await change(path);
    await proxy.rules([]);
    const end = await over(page);
    const { status, code } = end.results.find((result) => result.path === 'large.bin');
    t.diagnostic(`${how}: ${status} ${code ?? ''}`);
    sources.delete('large.bin');
    if (how === 'vanished' && status === 'committed') {
      // Linux keeps what is open: then it is the file as it was, or it should have failed.
      sources.set('large.bin', original);
    } else {
      assert.equal(status, 'failed');
      assert.ok(['file_changed', 'file_unreadable'].includes(code), code);
    }
    const others = end.results.filter((result) => result.path !== 'large.bin' && result.status !== 'committed');
    assert.deepEqual(others, []);
    // What was sent of the file that failed; never more than it had.
    await settle(t, { server, batchId: end.batchId, sources, most: LARGE });
  });
}

test('small files changed before they are read', async (t) => {
  const folder = await some(t, 20, 50_000);
  const sources = await chosen(folder);
  const { server, page } = await openBlank(t);
  await begin(page, sources, { autoStart: false });
  const [changed, grown, shrunk, vanished] = [...sources.keys()].slice(5);
  await writeFile(sources.get(changed), noise(50_000, 999));
  await appendFile(sources.get(grown), 'more');
  await truncate(sources.get(shrunk), 100);
  await rm(sources.get(vanished));
  await page.evaluate(() => window.uploader.start());
  const end = await over(page);
  const failed = end.results.filter(({ status }) => status === 'failed');
  t.diagnostic(failed.map(({ path, code, message }) => `${path}: ${code}, ${message}`).join('; '));
  // Whatever was taken of them must be what they are now; the one that is gone can't have been taken.
  for (const { path, code } of failed) {
    assert.ok([changed, grown, shrunk, vanished].includes(path), path);
    assert.ok(['file_changed', 'file_unreadable'].includes(code), code);
    sources.delete(path);
  }
  assert.ok(!sources.has(vanished));
  await settle(t, { server, batchId: end.batchId, sources });
});
