// What every scenario starts from: the real server, a page with ears, and the browser of the engine that is tested; and how
// every scenario ends.
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../../scripts/lib/run.mjs';
import { Gate } from '../e2e/gate.mjs';
import { scratch } from '../e2e/harness.mjs';
import { Server } from '../e2e/server.mjs';
import { verify } from '../e2e/verify.mjs';
import { Browser } from './browser.mjs';

export const ENGINE = process.env.ENGINE ?? 'chromium';

/** In whose shadow inputs, buttons and rows are. */
export const UPLOADER = 'cloudindex-uploader';

const PAGES = { upload: 'www', element: 'tests/element/page' };

/** Server, gate and browser with one of the pages, ready for files; all end with the test `t`. `lax`: the page has no policy. */
export async function open(t, page = 'upload', { lax = false } = {}) {
  const folder = join(await scratch(t), 'page');
  await assemble(folder, PAGES[page], lax);
  const server = await Server.start(['--page', folder]);
  t.after(() => server.stop());
  const gate = await Gate.before(server);
  t.after(() => gate.close());
  const browser = await Browser.launch(ENGINE);
  t.after(() => browser.close());
  t.diagnostic(`version ${browser.version}`);
  t.after(() => browser.errors.forEach((line) => t.diagnostic(line)));
  await browser.goto(`${gate.url}/`);
  await (page === 'upload' ? ready(browser) : browser.waitFor(() => document.body.dataset.ready === 'yes'));
  return { server, gate, browser };
}

/** What is published with a page beside it, as the build lays it out, and ears in all of it. */
async function assemble(folder, page, lax) {
  const dist = join(ROOT, 'dist');
  await mkdir(join(folder, 'dist'), { recursive: true });
  await cp(join(ROOT, page), folder, { recursive: true });
  const shipped = (await readdir(dist)).filter((name) => /\.(?:js|wasm)$/.test(name));
  await Promise.all(shipped.map((name) => cp(join(dist, name), join(folder, 'dist', name))));
  await cp(new URL('ears.js', import.meta.url), join(folder, 'ears.js'));
  const change = async (name, from, to) => {
    const text = await readFile(join(folder, name), 'utf8');
    await writeFile(join(folder, name), text.replace(from, to));
  };
  if (lax) await change('index.html', /<meta http-equiv="Content-Security-Policy"[^>]*>/, '');
  await change('index.html', '<head>', '<head><script src="ears.js"></script>');
  await change('dist/worker.js', /^/, 'import "../ears.js";');
}

/** The upload page has its configuration, and takes files from now on. */
export function ready(browser) {
  return browser.waitFor(() => document.querySelector('#server')?.textContent !== '' && document.querySelector('#key').hidden
    && document.querySelector('cloudindex-uploader').shadowRoot?.querySelector('.base') !== null);
}

/** Waits until the upload of the upload page is over, and returns what the page says of it. */
export async function over(browser) {
  await browser.waitFor(() => ['complete', 'cancelled'].includes(document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.total')?.dataset.phase), { timeout: 200_000 });
  return browser.evaluate(() => {
    const text = (selector) => document.querySelector('cloudindex-uploader').shadowRoot.querySelector(selector)?.textContent.trim() ?? '';
    return {
      phase: document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.total').dataset.phase,
      count: text('.facts li').replace(/ files?$/, ''),
      failed: /^[\d,]+/.exec(text('.facts .bad'))?.[0] ?? '0',
      notice: text('.notice p'),
    };
  });
}

/** All arrived, each document is its source, the engine ran in a worker, and no console has heard of an error. */
export async function arrived({ server, browser }, sources) {
  const { notice, ...end } = await over(browser);
  const all = sources.size.toLocaleString('en');
  assert.deepEqual(end, { phase: 'complete', count: `${all} of ${all}`, failed: '0' }, notice);
  await verify(server, await server.newestBatch(), sources);
  await quiet(browser);
}

/** What ears.js kept. */
export const heard = (browser) => browser.evaluate(() => ['errors', 'workers'].map((key) => JSON.parse(sessionStorage.getItem(key) ?? '[]')));

export async function quiet(browser) {
  const [errors, workers] = await heard(browser);
  assert.deepEqual([...errors, ...browser.errors], []);
  assert.ok(workers.length > 0, 'no worker ran');
}

/** Loose files of these sizes, none like another: document path → path on disk. */
export async function some(t, sizes) {
  const folder = await scratch(t);
  const files = sizes.map((size, i) => [`${i}.bin`, join(folder, `${i}.bin`), size]);
  for (const [i, [, path, size]] of files.entries()) await writeFile(path, noise(i, size));
  return new Map(files);
}

/** Bytes that no one can compress or find twice, and the same ones each time: a cipher's key stream. */
function* noise(seed, size) {
  const key = Buffer.alloc(16);
  key.writeUInt32LE(seed);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  for (let left = size; left > 0; left -= 1 << 20) yield cipher.update(Buffer.alloc(Math.min(left, 1 << 20)));
}
