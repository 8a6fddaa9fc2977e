// Compression where it pays: over 20 Mbit/s pages go packed, what is compressed already goes as it is, and over a link that
// is faster than gzip hardly anything is packed.
import assert from 'node:assert/strict';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { files } from '../../scripts/lib/build.mjs';
import { output } from '../../scripts/lib/run.mjs';
import { Proxy } from '../faults/proxy.mjs';
import { drop, finished } from './element.mjs';
import { open, scratch, tree } from './harness.mjs';
import { UPLOAD_ALONE } from './server.mjs';
import { filesOf, verify } from './verify.mjs';

const MB = 1_000_000;
const SLOW = { up: 2.5 * MB };

test('pages over 20 Mbit/s', async (t) => {
  const { sent, raw } = await upload(t, await pages(t, 25 * MB), SLOW);
  assert.ok(sent < raw / 3, `${sent} bytes for ${raw}`);
});

test('what is compressed already over 20 Mbit/s', async (t) => {
  const paths = (await files(await pages(t, 100 * MB))).slice(-1500);
  const packed = await Promise.all(paths.map(async (path, i) => [`${i}.gz`, gzipSync(await readFile(path))]));
  const { sent, raw } = await upload(t, await tree(t, 'packed', Object.fromEntries(packed)), SLOW);
  assert.ok(sent >= raw, `${sent} bytes for ${raw}`);
});

test('pages over a link that is faster than gzip', async (t) => {
  const folder = await pages(t, 100 * MB);
  // On a busy machine the link is slow, and a body or two are packed, or most of them: what counts is that it can go raw.
  let most = { sent: 0, raw: 1 };
  for (let tries = 0; tries < 4 && most.sent < 0.8 * most.raw; tries++) most = await upload(t, folder);
  assert.ok(most.sent >= 0.8 * most.raw, `${most.sent} bytes for ${most.raw}`);
});

/** A folder with so many bytes of the Rust documentation. */
async function pages(t, bytes) {
  const from = join(await output('rustc', ['--print', 'sysroot']), 'share/doc/rust/html/std');
  const folder = join(await scratch(t), 'pages');
  await mkdir(folder);
  let number = 0;
  for (const path of await files(from)) {
    if (!path.endsWith('.html') || bytes <= 0) continue;
    const to = join(folder, `${(number += 1)}.html`);
    await cp(path, to);
    bytes -= (await readFile(to)).length;
  }
  return folder;
}

/** Drops a folder on the page, looks at what arrived, and tells how many bytes of bodies came for how many of files. */
async function upload(t, folder, link) {
  // The engine weighs the link against gzip by the clock, so nothing else should want the processor that can be spared.
  const { server, page } = await open(t, { serverOptions: { flags: UPLOAD_ALONE }, between: link && ((server) => Proxy.before(server, [], { link })) });
  const began = performance.now();
  await drop(page, [folder]);
  const end = await finished(page, 120_000);
  const ms = Math.round(performance.now() - began);
  assert.deepEqual([end.phase, end.failed], ['complete', '0'], JSON.stringify(end));
  const { files, bytes: raw } = await verify(server, await server.newestBatch(), await filesOf(folder));
  const { cloudindex_body_bytes_total: sent } = await server.metrics();
  t.diagnostic(JSON.stringify({ files, raw, sent, ms }));
  return { sent, raw };
}
