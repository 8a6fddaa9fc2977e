// Pictures of the page for people to look at, in target/screenshots: empty, busy, with failures, done. What can be checked
// without eyes is checked: that what the picture is of is there.
import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../scripts/lib/run.mjs';
import { finished, open, shown, tree } from './harness.mjs';

const picture = (page, name) => page.screenshot(join(ROOT, 'target/screenshots', `${name}.png`));

test('pictures of the page', async (t) => {
  const contents = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`chapter ${i % 4}/page ${i}.html`, Buffer.alloc(500_000, `${i} `)]));
  const folder = await tree(t, 'handbook', contents);
  const failing = await tree(t, 'drafts', { 'final.txt': 'x', 'locked.txt': 'y', 'notes.txt': 'z' });
  await chmod(join(failing, 'locked.txt'), 0o000);
  for (const path of [folder, failing]) await chmod(dirname(path), 0o755);
  const { page, gate } = await open(t, { gated: true, browserOptions: process.getuid() === 0 ? { user: 65534 } : {} });
  assert.equal((await shown(page)).phase, 'idle');
  await picture(page, 'empty');

  // After the first bundle with content (questions have none) the rest waits, so the page shows an upload that is half done
  // for as long as it takes.
  let bundles = 0;
  gate.answer = ({ url, headers }) => {
    if (url.endsWith('/documents') && headers['content-length'] > 100_000 && ++bundles === 1) gate.hold();
    return undefined;
  };
  await drop(page, [folder]);
  await page.waitFor(() => /^[1-9]/.test(document.querySelector('#count').textContent));
  await picture(page, 'busy');
  gate.release();
  await finished(page);
  await picture(page, 'done');

  await drop(page, [failing]);
  await page.waitFor(() => document.querySelector('#failed').textContent === '1');
  await finished(page);
  await picture(page, 'failures');
});
