// The site as it is built and served: no policy is broken, axe finds nothing serious, search and menu work.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ROOT } from '../../scripts/lib/run.mjs';
import { Chromium } from '../e2e/cdp.mjs';
import { Page } from '../e2e/page.mjs';
import { Server } from '../e2e/server.mjs';

const AXE = await readFile(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8');
const LOOKS = { light: {}, dark: { scheme: 'dark' }, narrow: { width: 390 } };

let server;
let browser;

before(async () => {
  server = await Server.start();
  browser = await Chromium.launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A page of the site. What its policy forbids is heard from before its first script on. */
async function open(t, to, how = {}) {
  const page = await Page.open(browser, 'about:blank');
  t.after(() => page.send('Page.close'));
  await page.send('Page.addScriptToEvaluateOnNewDocument', {
    source: `globalThis.forbidden = []; addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => forbidden.push(violatedDirective + ' ' + blockedURI));`,
  });
  await look(page, how);
  await page.goto(`${server.url}/docs/${to}`);
  return page;
}

async function look(page, { scheme = 'light', width = 1200 }) {
  await page.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  await page.send('Emulation.setDeviceMetricsOverride', { width, height: 800, deviceScaleFactor: 1, mobile: false });
}

async function audit(page, state) {
  await page.send('Runtime.evaluate', { expression: `globalThis.axe ?? (() => { ${AXE} })()` });
  const { violations, passes } = await page.evaluate(async () => {
    const { violations, passes } = await globalThis.axe.run(document, { resultTypes: ['violations', 'passes'] });
    return { passes: passes.length, violations: violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.slice(0, 3).map(({ target, failureSummary }) => `${target.flat().join(' > ')}: ${failureSummary}`) })) };
  });
  assert.ok(passes > 10, `axe looked at ${state}`);
  assert.deepEqual(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical'), [], state);
}

const isClean = async (page, name) => {
  assert.deepEqual(await page.evaluate(() => globalThis.forbidden), [], name);
  assert.deepEqual(page.log.filter((line) => /^(?:error|warning|uncaught)/.test(line)), [], name);
};

for (const name of (await readdir(join(ROOT, 'dist/page/docs'))).filter((name) => name.endsWith('.html'))) {
  test(`${name}: policy, axe, no width of its own`, async (t) => {
    const page = await open(t, name);
    assert.ok(await page.evaluate(() => document.styleSheets.length === 1 && getComputedStyle(document.querySelector('nav')).display !== 'none'));
    for (const [kind, how] of Object.entries(LOOKS)) {
      await look(page, how);
      await audit(page, `${name}, ${kind}`);
      const width = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(width <= 0, `${name}, ${kind}: ${width} px too wide`);
      if (['index.html', 'options.html', 'api.html'].includes(name)) await page.screenshot(join(ROOT, 'target/screenshots', `docs-${name.replace('.html', '')}-${kind}.png`));
    }
    await isClean(page, name);
  });
}

test('the search finds an option by its name, by keyboard alone', async (t) => {
  const page = await open(t, 'index.html');
  const press = async (key, text) => {
    const code = { ArrowDown: 40, Enter: 13, '/': 191 }[key];
    await page.send('Input.dispatchKeyEvent', { type: text ? 'keyDown' : 'rawKeyDown', key, text, windowsVirtualKeyCode: code });
    await page.send('Input.dispatchKeyEvent', { type: 'keyUp', key, windowsVirtualKeyCode: code });
  };
  await press('/', '/');
  await page.send('Input.insertText', { text: 'maxBufferSize' });
  await page.waitFor(() => document.querySelector('#found:not([hidden]) a[href^="options.html"]'));
  await audit(page, 'search');
  await page.screenshot(join(ROOT, 'target/screenshots/docs-search.png'));
  await press('ArrowDown');
  assert.match(await page.evaluate(() => document.activeElement.getAttribute('href')), /^options\.html#memory/);
  const loaded = page.next('Page.loadEventFired');
  await press('Enter', '\r');
  await loaded;
  assert.match(await page.evaluate(() => location.pathname + location.hash), /^\/docs\/options\.html#memory/);
  await isClean(page, 'search');
});

test('on a narrow screen the pages are behind a button', async (t) => {
  const page = await open(t, 'guide.html', { width: 390 });
  const shown = () => page.evaluate(() => getComputedStyle(document.querySelector('nav')).display !== 'none');
  assert.equal(await shown(), false);
  await page.click('.menu');
  assert.equal(await shown(), true);
  await audit(page, 'menu');
  await page.screenshot(join(ROOT, 'target/screenshots/docs-menu.png'));
  await page.click('nav a[href="options.html"]');
  await page.waitFor(() => location.pathname.endsWith('/options.html'));
});
