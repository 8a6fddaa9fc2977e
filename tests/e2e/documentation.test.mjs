// The main job: 5,000 files of the Rust documentation, dropped as one folder, arrive whole, and the page stays alive.
import assert from 'node:assert/strict';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { output } from '../../scripts/lib/run.mjs';
import { drop, finished } from './element.mjs';
import { open, scratch } from './harness.mjs';
import { liveness, watch } from './probe.mjs';
import { filesOf, verify } from './verify.mjs';

const FILES = 5000;
// Twice what a busy machine was seen to need: this is to find a page that is dead, not to measure. `npm run corpus` measures.
const LONGEST_GAP_MS = 2000;

test('5,000 files of documentation, dropped as a folder', async (t) => {
  const folder = await sample(t);
  const { server, page } = await open(t);
  await watch(page);
  await drop(page, [folder]);
  const end = await finished(page, 300_000);
  assert.deepEqual([end.phase, end.percent, end.count, end.failed], ['complete', '100%', '5,000 of 5,000', '0']);

  const found = await liveness(page);
  t.diagnostic(`${end.notice} ${JSON.stringify(found)}`);
  assert.ok(found.longestGapMs < LONGEST_GAP_MS, `the page was dead for ${found.longestGapMs} ms`);
  await verify(server, await server.newestBatch(), await filesOf(folder));
});

/** Every n-th file, so that all kinds and depths are among them, and the same ones each time. */
async function sample(t) {
  const html = join(await output('rustc', ['--print', 'sysroot']), 'share/doc/rust/html');
  const all = await filesOf(html).catch(() => new Map());
  assert.ok(all.size >= FILES, `The Rust documentation is missing. Install it with: rustup component add rust-docs`);
  const paths = [...all.keys()].sort();
  const folder = join(await scratch(t), 'html');
  for (let i = 0; i < FILES; i++) {
    const path = paths[Math.floor((i * paths.length) / FILES)];
    const copy = join(dirname(folder), path);
    await mkdir(dirname(copy), { recursive: true });
    await copyFile(all.get(path), copy);
  }
  return folder;
}
