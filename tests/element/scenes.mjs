// Every state of the element, one after the other, as people get there: with the real server, and a gate that holds it up.
import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { tree } from '../e2e/harness.mjs';
import { Provider } from '../e2e/provider.mjs';
import { click, finished, open, phase, press, reload, until } from './harness.mjs';

/** How it is looked at: each state in each of them. */
export const LOOKS = {
  light: {},
  dark: { scheme: 'dark' },
  rtl: { locale: 'ar' },
  narrow: { narrow: true },
};

/** Until the element looks so. `width`: of the page, where it is not narrow. */
export async function look(page, { scheme = 'light', locale = 'en', narrow = false }, width = 1000) {
  if (narrow) width = 390;
  await page.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }, { name: 'prefers-reduced-motion', value: 'reduce' }] });
  await page.send('Emulation.setDeviceMetricsOverride', { width, height: 800, deviceScaleFactor: 1, mobile: false });
  await page.evaluate((locale) => document.querySelector('cloudindex-uploader').setAttribute('locale', locale), locale);
  await until(page, (root, locale, width) => root.querySelector('.base').lang === locale
    && root.querySelector('[role=radiogroup], .lead').textContent.match(/[\u0600-\u06ff]/) !== null === (locale === 'ar') && innerWidth === width, locale, width);
  // Two frames: what the size of the list brings into view is rendered then.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))));
}

/** Plays all of them; `see(page, state)` is called in each. */
export async function play(t, see) {
  await anUpload(t, see);
  await processing(t, see);
  await noConnection(t, see);
}

async function anUpload(t, see) {
  const contents = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`chapter ${i % 4}/page ${i}.html`, Buffer.alloc(500_000, `${i} `)]));
  const handbook = await tree(t, 'handbook', contents);
  const drafts = await tree(t, 'drafts', { 'final.txt': 'x', 'locked.txt': 'y', 'notes.txt': 'z', 'recording.wav': Buffer.alloc(3 << 20) });
  await chmod(join(drafts, 'locked.txt'), 0o000);
  for (const path of [handbook, drafts]) await chmod(dirname(path), 0o755);
  const { page, gate } = await open(t, { search: '?resume&max-file-size=2MB&concurrency=1', browserOptions: process.getuid() === 0 ? { user: 65534 } : {} });
  await see(page, 'empty');
  const drag = (type, y) => page.send('Input.dispatchDragEvent', { type, x: 500, y, data: { items: [], files: [handbook], dragOperationsMask: 1 } });
  await drag('dragEnter', 200);
  await drag('dragOver', 200);
  await until(page, (root) => root.querySelector('.base').dataset.drag === 'over');
  await see(page, 'dragging');
  await drag('dragOver', 790); // Off again.
  await until(page, (root) => root.querySelector('.base').dataset.drag === 'none');

  // The server says nothing yet: files are there, none is sent.
  gate.hold();
  await page.drop('cloudindex-uploader', [handbook]);
  await until(page, (root) => root.querySelectorAll('.filters .count')[0]?.textContent === '60');
  await see(page, 'adding');
  // After a few requests with content (questions have none) the rest waits: the upload is at a quarter for as long as it takes.
  let bodies = 0;
  const third = new Promise((come) => {
    gate.answer = ({ headers }) => {
      if (headers['content-length'] > 100_000 && ++bodies === 3) {
        gate.hold();
        come();
      }
      return undefined;
    };
  });
  gate.release();
  await third;
  await until(page, (root) => root.querySelectorAll('.filters .count')[2]?.textContent.match(/^[1-9]\d/));
  await see(page, 'busy');
  await page.evaluate(() => document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.grid').focus());
  await press(page, 'Home', 'ArrowDown');
  await until(page, (root) => root.querySelector('[data-active=yes]') !== null);
  await see(page, 'keyboard');
  await press(page, 'End', ' ', 'ArrowUp', 'ArrowUp', ' ');
  await until(page, (root) => root.querySelectorAll('[data-status=paused]').length === 2);
  await click(page, '[value=waiting]');
  await until(page, (root) => root.querySelector('[data-command=resume-shown]') !== null);
  await click(page, '[data-sort=state]');
  await click(page, '[data-sort=state]');
  await until(page, (root) => root.querySelector('.window .row')?.dataset.status === 'paused');
  await see(page, 'paused-files');
  await click(page, '[data-command=resume-shown]');
  await until(page, (root) => root.querySelector('[data-command=resume-shown]') === null);
  await click(page, '[data-sort=state]');
  await click(page, '[value=all]');
  await until(page, (root) => root.querySelector('[value=all]').checked && root.querySelector('.grid').getAttribute('aria-busy') === 'false');
  await click(page, '[data-command=ask-cancel]');
  await until(page, (root) => root.querySelector('[data-command=go-on]') !== null);
  await see(page, 'cancelling');
  await click(page, '[data-command=go-on]');
  await click(page, '[data-command=pause]');
  await phase(page, 'paused');
  await see(page, 'paused');

  await reload(page);
  gate.answer = () => undefined;
  gate.release();
  await see(page, 'interrupted');

  await page.drop('cloudindex-uploader', [handbook]);
  assert.equal((await finished(page)).phase, 'complete');
  await see(page, 'done');

  await page.drop('cloudindex-uploader', [drafts]);
  await until(page, (root) => root.querySelectorAll('.filters .count')[3]?.textContent === '2');
  const end = await finished(page);
  assert.deepEqual(end.rows.map(({ status }) => status).sort(), ['committed', 'committed', 'failed', 'rejected']);
  await see(page, 'failures');
  assert.deepEqual(page.log.filter((line) => /^(?:error|uncaught)/.test(line)), []);
}

async function processing(t, see) {
  const handbook = await tree(t, 'handbook', Object.fromEntries(Array.from({ length: 96 }, (_, i) => [`chapter ${i % 4}/page ${i}.md`, `# Page ${i}\n\n${`The keeper counted ship ${i}. `.repeat(20)}`])));
  const drafts = await tree(t, 'drafts', { 'cover.png': Buffer.from('89504e470d0a1a0a', 'hex'), 'final.txt': 'The final word.', 'letter.txt': 'A letter.', 'minutes.txt': 'Minutes of Monday.' });
  const provider = await Provider.start();
  t.after(() => provider.close());
  const { page } = await open(t, { search: '?tracking', flags: provider.flags });
  await page.evaluate(() => { const element = document.querySelector('cloudindex-uploader'); element.options = { ...element.options, tracking: { statusInterval: 200 } }; });

  // After some documents the rest waits. What is done is written down in groups.
  let [done, release] = [0, undefined];
  const rest = new Promise((go) => { release = go; });
  provider.answer = () => (++done > 40 ? rest : undefined);
  await page.drop('cloudindex-uploader', [handbook]);
  await until(page, (root) => /^[1-9]\d of 96/.test(root.querySelectorAll('.facts li')[2]?.textContent));
  await see(page, 'following');
  release();
  await until(page, (root) => root.querySelector('.notice')?.textContent.includes('What arrived can be found now.'));
  await see(page, 'processed');

  provider.answer = (text) => (text.includes('Minutes') ? 503 : undefined);
  await page.drop('cloudindex-uploader', [drafts]);
  await until(page, (root) => root.querySelectorAll('[data-status=unprocessed]').length === 2 && root.querySelectorAll('.notice li').length === 2
    && root.querySelectorAll('.filters .count')[3].textContent === '2');
  await see(page, 'unprocessed');
  assert.deepEqual(page.log.filter((line) => /^(?:error|uncaught)/.test(line)), []);
}

async function noConnection(t, see) {
  const folder = await tree(t, 'plans', Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`${i}.txt`, `${i} `.repeat(40_000)])));
  const nothing = await tree(t, 'nothing', {});
  const { page, server, gate } = await open(t);
  await page.drop('cloudindex-uploader', [nothing]);
  await until(page, (root) => root.querySelector('.notice')?.textContent.includes('There were no files'));
  await see(page, 'nothing');

  // A server that has never answered is given up; one that has is waited for.
  let bundles = 0;
  const second = new Promise((come) => {
    gate.answer = ({ url }) => {
      if (url.endsWith('/documents') && ++bundles === 2) {
        gate.hold();
        come();
      }
      return undefined;
    };
  });
  await page.drop('cloudindex-uploader', [folder]);
  await second;
  await server.kill();
  gate.release();
  await phase(page, 'stalled');
  await until(page, (root) => root.querySelector('.notice')?.textContent.includes('No connection to the server') && root.querySelector('.filters .count').textContent === '12');
  await see(page, 'stalled');
  await server.restart();
  assert.deepEqual((await finished(page)).counts, ['12', '0', '12', '0']);
}
