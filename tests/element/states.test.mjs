// Every state, in every look: a picture of each in target/screenshots for people, and axe on each for those who can't see it.
import assert from 'node:assert/strict';
import { chmod, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../scripts/lib/run.mjs';
import { tree } from '../e2e/harness.mjs';
import { click, finished, open, phase, picture, press, reload, shown, until } from './harness.mjs';

const AXE = await readFile(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8');

const LOOKS = {
  light: {},
  dark: { scheme: 'dark' },
  rtl: { locale: 'ar' },
  narrow: { width: 390 },
};

async function look(page, { scheme = 'light', locale = 'en', width = 1000 }) {
  await page.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  await page.send('Emulation.setDeviceMetricsOverride', { width, height: 800, deviceScaleFactor: 1, mobile: false });
  await page.evaluate((locale) => document.querySelector('cloudindex-uploader').setAttribute('locale', locale), locale);
  await until(page, (root, locale, width) => root.querySelector('.base').lang === locale
    && root.querySelector('[role=radiogroup], .lead').textContent.match(/[\u0600-\u06ff]/) !== null === (locale === 'ar') && innerWidth === width, locale, width);
  // Two frames: what the size of the list brings into view is rendered then.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))));
}

/** Pictures and audits of what is there now, in every look. */
async function audit(t, page, state) {
  await page.send('Runtime.evaluate', { expression: `globalThis.axe ?? (() => { ${AXE} })()` });
  for (const [name, how] of Object.entries(LOOKS)) {
    await look(page, how);
    await picture(page, `${state}-${name}`);
    const { violations, passes } = await page.evaluate(async () => {
      const { violations, passes } = await globalThis.axe.run(document, { resultTypes: ['violations', 'passes'] });
      return { passes: passes.length, violations: violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.slice(0, 3).map(({ target, failureSummary }) => `${target.flat().join(' > ')}: ${failureSummary}`) })) };
    });
    assert.ok(passes > 10, `axe looked at ${state}, ${name}`);
    const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    assert.deepEqual(grave, [], `${state}, ${name}`);
    for (const { id, impact } of violations) t.diagnostic(`${state}, ${name}: ${impact}: ${id}`);
  }
  await look(page, LOOKS.light);
}

test('every state, seen and audited', async (t) => {
  const contents = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`chapter ${i % 4}/page ${i}.html`, Buffer.alloc(500_000, `${i} `)]));
  const handbook = await tree(t, 'handbook', contents);
  const drafts = await tree(t, 'drafts', { 'final.txt': 'x', 'locked.txt': 'y', 'notes.txt': 'z', 'recording.wav': Buffer.alloc(3 << 20) });
  await chmod(join(drafts, 'locked.txt'), 0o000);
  for (const path of [handbook, drafts]) await chmod(dirname(path), 0o755);
  const { page, gate } = await open(t, { search: '?resume&max-file-size=2MB', browserOptions: process.getuid() === 0 ? { user: 65534 } : {} });
  await audit(t, page, 'empty');
  const drag = (type, y) => page.send('Input.dispatchDragEvent', { type, x: 500, y, data: { items: [], files: [handbook], dragOperationsMask: 1 } });
  await drag('dragEnter', 200);
  await drag('dragOver', 200);
  await until(page, (root) => root.querySelector('.base').dataset.drag === 'over');
  await audit(t, page, 'dragging');
  await drag('dragOver', 790); // Off again.
  await until(page, (root) => root.querySelector('.base').dataset.drag === 'none');

  // After the first bundle with content (questions have none) the rest waits: the upload is half done for as long as it takes.
  let bundles = 0;
  gate.answer = ({ url, headers }) => {
    if (url.endsWith('/documents') && headers['content-length'] > 100_000 && ++bundles === 1) gate.hold();
    return undefined;
  };
  await page.drop('cloudindex-uploader', [handbook]);
  await until(page, (root) => root.querySelectorAll('.filters .count')[2]?.textContent.match(/^[1-9]/));
  await audit(t, page, 'busy');
  await page.evaluate(() => document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.grid').focus());
  await press(page, 'Home', 'ArrowDown');
  await until(page, (root) => root.querySelector('[data-active=yes]') !== null);
  await audit(t, page, 'keyboard');
  await click(page, '[data-command=ask-cancel]');
  await until(page, (root) => root.querySelector('[data-command=go-on]') !== null);
  await audit(t, page, 'cancelling');
  await click(page, '[data-command=go-on]');
  await click(page, '[data-command=pause]');
  await phase(page, 'paused');
  await audit(t, page, 'paused');

  await reload(page);
  gate.answer = () => undefined;
  gate.release();
  await audit(t, page, 'interrupted');

  await page.drop('cloudindex-uploader', [handbook]);
  assert.equal((await finished(page)).phase, 'complete');
  await audit(t, page, 'done');

  await page.drop('cloudindex-uploader', [drafts]);
  await until(page, (root) => root.querySelectorAll('.filters .count')[3]?.textContent === '2');
  const end = await finished(page);
  assert.deepEqual(end.rows.map(({ status }) => status).sort(), ['committed', 'committed', 'failed', 'rejected']);
  await audit(t, page, 'failures');
  assert.deepEqual(page.log.filter((line) => /^(?:error|uncaught)/.test(line)), []);
});

test('no connection, and nothing in what was dropped: seen, audited, and the upload goes on', async (t) => {
  const folder = await tree(t, 'plans', Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`${i}.txt`, `${i} `.repeat(40_000)])));
  const nothing = await tree(t, 'nothing', {});
  const { page, server, gate } = await open(t);
  await page.drop('cloudindex-uploader', [nothing]);
  await until(page, (root) => root.querySelector('.notice')?.textContent.includes('There were no files'));
  await audit(t, page, 'nothing');

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
  await until(page, (root) => root.querySelector('.notice')?.textContent.includes('No connection to the server'));
  await audit(t, page, 'stalled');
  await server.restart();
  assert.deepEqual((await finished(page)).counts, ['12', '0', '12', '0']);
});
