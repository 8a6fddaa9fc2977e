// What the measures share: files to send, an upload page behind the link, chance that can be repeated, the account.
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { mkdir, mkdtemp, open, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { shown } from '../e2e/element.mjs';
import { ready } from '../e2e/harness.mjs';
import { Page } from '../e2e/page.mjs';

export const MB = 1_000_000;
/** The most that can be in flight: `concurrency` requests of the greatest bundle (crates/engine/src/config.rs). */
export const IN_FLIGHT = 5 * 32 * 1024 * 1024;

/** Runs `work` with a folder that goes afterwards. */
export async function withFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), 'cloudindex-reliability-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

/** A file of bytes that no one can compress or find twice; the same ones each time for the same number. */
export async function file(path, bytes, number) {
  const key = Buffer.alloc(16, 3);
  key.writeUInt32LE(number);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  await mkdir(dirname(path), { recursive: true });
  const handle = await open(path, 'w');
  for (let left = bytes; left > 0; left -= 1 << 20) await handle.write(cipher.update(Buffer.alloc(Math.min(left, 1 << 20))));
  await handle.close();
  await age(path);
}

/** A file that was written a while ago, at no whole second: other times prove nothing (docs/reliability.md). */
export function age(path) {
  const then = Math.floor(Date.now() / 1000) - 3600 + 0.123;
  return utimes(path, then, then);
}

/** A folder of files of these sizes. */
export async function folderOf(where, sizes) {
  for (const [number, size] of sizes.entries()) {
    await file(join(where, `d${number % 40}`, `${String(number).padStart(5, '0')}.bin`), size, number);
  }
  return where;
}

/** Numbers from 0 to 1, the same ones each time for the same seed. */
export function chance(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** So many moments of a whole, in order. */
export function moments(number, whole, seed) {
  const next = chance(seed);
  return Array.from({ length: number }, () => Math.floor(next() * whole)).sort((a, b) => a - b);
}

/** The upload page, from this address, ready for a drop. */
export async function upload(browser, url) {
  const page = await Page.open(browser, `${url}/`);
  await ready(page);
  return page;
}

/** Bytes of content that the server has received since it was started. */
export async function received(server) {
  return (await server.metrics()).cloudindex_block_bytes_total;
}

/** Waits until the server has stored so many bytes. */
export async function until(server, bytes, page) {
  for (;;) {
    if ((await server.metrics()).cloudindex_block_bytes_stored_total >= bytes) return;
    const { phase } = await shown(page);
    assert.notEqual(phase, 'complete', `the upload was over before ${bytes} bytes`);
    await new Promise((next) => setTimeout(next, 10));
  }
}

export const inMB = (bytes) => `${(bytes / MB).toFixed(1)} MB`;
export const inSeconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
