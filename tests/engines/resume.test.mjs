// Reloaded in the middle; the same files are picked again, and what has arrived is not sent again.
import assert from 'node:assert/strict';
import { utimes } from 'node:fs/promises';
import { test } from 'node:test';
import { UPLOADER, arrived, open, ready, some } from './world.mjs';

const FILES = 60;
const BYTES = 300_000;

test('resume after a reload', (t) => resume(t, 0.123));

// As archives and packages have them, and WebKit any file: such a time proves nothing, so that the files are read again.
test('resume after a reload, times in whole seconds', (t) => resume(t, 0));

async function resume(t, fraction) {
  const sources = await some(t, Array.from({ length: FILES }, () => BYTES));
  // Old enough to be trusted.
  const time = Math.floor(Date.now() / 1000) - 60 + fraction;
  for (const path of sources.values()) await utimes(path, time, time);
  const world = await open(t);
  const { server, gate, browser } = world;
  let passed = 0;
  gate.answer = ({ headers }) => {
    passed += Number(headers['content-length'] ?? 0);
    if (passed > (FILES * BYTES) / 3) gate.hold();
  };
  await browser.click('h1'); // A page that was never touched may not ask before it is left, and Chromium complains.
  await browser.choose('#files', [...sources.values()], UPLOADER);
  // What was let through is answered, and told: the page's count stands still while the rest is held.
  const before = await browser.waitFor(async () => {
    const files = () => parseInt(document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.facts li')?.textContent.trim(), 10);
    const count = files();
    if (!(count > 0)) return undefined;
    await new Promise((next) => setTimeout(next, 1000));
    return files() === count && count;
  });
  assert.ok(before < FILES, `${before} files had arrived`);
  gate.answer = () => undefined;

  await browser.reload();
  await ready(browser);
  gate.release();
  const words = await browser.waitFor(() => document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.left p')?.textContent.trim());
  assert.match(words, new RegExp(`: ${before} of ${FILES} files`));
  const { cloudindex_block_bytes_total: had } = await server.metrics();
  await browser.choose('#files', [...sources.values()], UPLOADER);
  await arrived(world, sources);
  const { cloudindex_block_bytes_total: received } = await server.metrics();
  assert.ok(received - had <= (FILES - before) * BYTES, `${received - had} bytes for ${FILES - before} files of ${BYTES}`);
  let batches = 0;
  for await (const _ of server.list('/v1/batches', 'batches')) batches += 1;
  assert.equal(batches, 1);
}
