// What the scenarios share: a world with a proxy in it, files to send, uploads on the upload page or on one of their own, and
// the account at the end.
import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from '../e2e/element.mjs';
import * as harness from '../e2e/harness.mjs';
import { KEY, UPLOAD_ALONE } from '../e2e/server.mjs';
import { verify } from '../e2e/verify.mjs';
import { Proxy } from './proxy.mjs';

export const KB = 1000;
export const MB = 1000 * KB;
/** Rules for requests that carry content say `minBody: CONTENT`: manifests and probes of few files stay below. */
export const CONTENT = 50 * KB;

/** The upload page behind a proxy. */
export function open(t, options) {
  return world(t, harness.open, options);
}

/** An application's page behind a proxy, for what the upload page does not show or set. */
export function openBlank(t, options) {
  return world(t, harness.openBlank, options);
}

async function world(t, how, { rules, link, seed, serverOptions } = {}) {
  const between = (server) => Proxy.before(server, rules, { link, seed });
  // What an upload costs is counted here, and when: what becomes of it in the index is another matter.
  const { gate: proxy, ...rest } = await how(t, { serverOptions: { flags: UPLOAD_ALONE, ...serverOptions }, between });
  return { proxy, ...rest };
}

/** A folder of so many files of so many bytes, no two alike, and no two runs different. */
export function some(t, number, bytes, name = 'files') {
  const contents = Array.from({ length: number }, (_, i) => [`${String(i).padStart(4, '0')}.bin`, noise(bytes, i)]);
  return harness.tree(t, name, Object.fromEntries(contents));
}

/** Bytes that no one can compress or find twice: a cipher's key stream. */
export function noise(bytes, number = 0) {
  const key = Buffer.alloc(16, 7);
  key.writeUInt32LE(number);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

/** Files of a folder as they are chosen one by one: the path is the name alone. */
export async function chosen(folder) {
  return new Map((await readdir(folder)).sort().map((name) => [name, join(folder, name)]));
}

/** Starts an upload of files on an application's page. `options` go to the `Uploader`; without `target`, a key is used. */
export async function begin(page, sources, options = {}) {
  await page.choose('#files', [...sources.values()]);
  await page.evaluate(async (options, apiKey) => {
    const { Uploader, cloudindex } = await import('/dist/index.js');
    const seen = { phases: [], tokens: 0 };
    const getToken = () => {
      seen.tokens += 1;
      return window.token;
    };
    const target = cloudindex(window.token ? { getToken } : { apiKey });
    const uploader = new Uploader({ target, ...options });
    window.seen = seen;
    window.uploader = uploader;
    uploader.addEventListener('progress', () => {
      if (seen.phases.at(-1) !== uploader.phase) seen.phases.push(uploader.phase);
    });
    window.over = new Promise((resolve) => {
      const end = (reason) => resolve({
        batchId: uploader.batchId,
        ...seen,
        reason: reason?.code,
        results: uploader.results().map(({ path, status, error }) => ({ path, status, code: error?.code, message: error?.message })),
      });
      uploader.addEventListener('complete', ({ detail }) => end(detail.reason));
      uploader.addEventListener('error', ({ detail }) => end(detail));
    });
    uploader.add(document.querySelector('#files').files);
  }, options, KEY);
}

/** The end of that upload: `{ batchId, phases, tokens, reason, results: [{ path, status, code, message }] }`. */
export function over(page, timeout = 60_000) {
  return page.evaluate(async (timeout) => {
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`no end after ${timeout} ms, phases ${window.seen.phases}`)), timeout));
    return Promise.race([window.over, late]);
  }, timeout);
}

/** Everything arrived, says the upload. */
export function arrived({ results }) {
  const others = results.filter(({ status }) => status !== 'committed' && status !== 'duplicate');
  assert.deepEqual(others, []);
}

/** Likewise for the upload page. */
export async function arrivedOnPage(page, files, timeout) {
  const end = await finished(page, timeout);
  const number = files.toLocaleString('en');
  assert.deepEqual([end.phase, end.count, end.failed], ['complete', `${number} of ${number}`, '0'], JSON.stringify(end));
  return end;
}

/** Requests that are under way. */
export async function underWay(proxy) {
  return (await proxy.log()).filter(({ ended }) => ended === null);
}

/** Bytes that went to the server in requests to which the browser got no answer, or a bad one. */
export async function inVain(proxy) {
  return sum((await proxy.log()).filter(({ status }) => status < 200 || status >= 300), 'passed');
}

export function sum(requests, field) {
  return requests.reduce((total, request) => total + request[field], 0);
}

/** Waits until it is so. */
export async function eventually(check, timeout = 30_000) {
  const end = performance.now() + timeout;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`still not so after ${timeout} ms: ${check}`);
    await new Promise((next) => setTimeout(next, 50));
  }
}

/** Stops the link, as good as, and returns the bytes of content that the server has received when all that was on it has
 *  arrived. Then nothing is lost uncounted with a server that is killed. */
export async function still(server, proxy, since = 0) {
  await proxy.rules([], { up: 1 });
  const { passed } = (await proxy.stats()).total;
  await eventually(async () => (await server.metrics()).cloudindex_body_bytes_total >= passed - since);
  return (await server.metrics()).cloudindex_block_bytes_total;
}

/**
 * The account at the end. Every document of the batch is its source, none is missing and none is too many; and the server
 * received the content once, and at most `most` bytes again (a number, or a function that is asked after the server, for what
 * may still be in some buffer).
 * `before`: bytes that it had received before a restart. Says the row of the table that `npm run faults` prints.
 */
export async function settle(t, { server, batchId, sources, most = 0, before = 0 }) {
  await verify(server, batchId ?? (await server.newestBatch()), sources);
  const source = await distinct(sources);
  const { cloudindex_block_bytes_total: now } = await server.metrics();
  const received = before + now;
  most = typeof most === 'function' ? await most() : most;
  row(t, { source, received, most });
  assert.ok(received >= source, `the server received ${received} bytes of ${source}`);
  assert.ok(received - source <= most, `the server received ${received - source} bytes too many; ${most} can be explained`);
}

/** A row of the table. */
export function row(t, { source, received, most }) {
  t.diagnostic(`fault ${JSON.stringify({ fault: t.name, source, received, most })}`);
}

/** Bytes of the files, those of the same content once. */
async function distinct(sources) {
  const sizes = new Map();
  for (const path of sources.values()) {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of createReadStream(path)) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    sizes.set(hash.digest('hex'), bytes);
  }
  return [...sizes.values()].reduce((total, bytes) => total + bytes, 0);
}
