// What the element's scenarios start from: the real server with a page of nothing but the element, and hands to use it.
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../../scripts/lib/run.mjs';
import { Chromium } from '../e2e/cdp.mjs';
import { Gate } from '../e2e/gate.mjs';
import { scratch } from '../e2e/harness.mjs';
import { Page } from '../e2e/page.mjs';
import { Server } from '../e2e/server.mjs';

const FOLDER = join(ROOT, 'target', `element-page-${process.pid}`);

/** The page with what is published beside it. */
async function assemble() {
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(join(FOLDER, 'dist'), { recursive: true });
  await cp(join(ROOT, 'tests/element/page'), FOLDER, { recursive: true });
  const dist = join(ROOT, 'dist');
  const shipped = (await readdir(dist)).filter((name) => /\.(?:js|wasm)$/.test(name));
  await Promise.all(shipped.map((name) => cp(join(dist, name), join(FOLDER, 'dist', name))));
}

/** Server, gate, browser and page; all end with the test `t`. `search`: attributes of the element, as an address has them. `prepare` may
 *  change the folder that is served; such a page is ready when the element is there. `flags`: more for the server. */
export async function open(t, { search = '', browserOptions, key, prepare, flags = [] } = {}) {
  await assemble();
  await prepare?.(FOLDER);
  const server = await Server.start(['--page', FOLDER, ...(key ? ['--api-key', key] : []), ...flags]);
  const gate = await Gate.before(server);
  const browser = await Chromium.launch(browserOptions);
  t.after(async () => {
    await browser.close();
    gate.close();
    await server.stop();
    await rm(FOLDER, { recursive: true, force: true });
  });
  const page = await Page.open(browser, `${gate.url}/${search}`);
  t.after(() => page.log.forEach((line) => t.diagnostic(line)));
  if (prepare) await page.waitFor(() => document.querySelector('cloudindex-uploader')?.shadowRoot?.querySelector('.base'));
  else await ready(page);
  return { server, gate, browser, page };
}

/** A browser's profile in which the user said "allow on every visit": a prompt can't be answered where nobody sees it. */
export async function allowing(t) {
  const profile = await scratch(t);
  const exceptions = { file_system_access_extended_permission: { 'http://127.0.0.1:*,*': { setting: 1 } } };
  await mkdir(join(profile, 'Default'));
  await writeFile(join(profile, 'Default', 'Preferences'), JSON.stringify({ profile: { content_settings: { exceptions } } }));
  return profile;
}

/** Reloads the page, until what was left is offered. */
export async function reload(page) {
  const loaded = page.next('Page.loadEventFired');
  await page.send('Page.reload');
  await loaded;
  await until(page, (root) => root?.querySelector('.left') !== null);
}

/** The element has its options, and takes files. */
export function ready(page) {
  return page.waitFor(() => document.body.dataset.ready === 'yes' && document.querySelector('cloudindex-uploader')?.shadowRoot?.querySelector('.base') !== null);
}

/** What a person sees. */
export function shown(page) {
  return page.evaluate(() => {
    const root = document.querySelector('cloudindex-uploader').shadowRoot;
    const text = (selector) => root.querySelector(selector)?.textContent.replace(/\s+/g, ' ').trim() ?? '';
    return {
      phase: root.querySelector('.total')?.dataset.phase ?? 'none',
      percent: text('.percent'),
      words: text('.phase'),
      facts: text('.facts ul'),
      notice: text('.notice'),
      spoken: text('[role=status]'),
      left: text('.left'),
      counts: [...root.querySelectorAll('.filters .count')].map((count) => count.textContent),
      buttons: [...root.querySelectorAll('[data-command]')].map((button) => button.dataset.command),
      focus: root.activeElement?.dataset.command ?? root.activeElement?.className ?? '',
      active: root.querySelector('[data-active=yes] .name')?.textContent.trim() ?? '',
      rows: [...root.querySelectorAll('.window > .row')].map((row) => ({
        name: row.querySelector('.name').textContent.trim(),
        status: row.dataset.status,
        why: row.querySelector('.why')?.textContent.trim() ?? '',
        acts: [...row.querySelectorAll('[data-act]')].map(({ dataset }) => dataset.act).join(' '),
      })),
    };
  });
}

/** Waits for something inside of the element: a function of its shadow root. */
export function until(page, body, ...args) {
  return page.waitFor(`(...args) => (${body})(document.querySelector('cloudindex-uploader').shadowRoot, ...args)`, { args });
}

export function phase(page, wanted) {
  return until(page, (root, wanted) => root.querySelector('.total')?.dataset.phase === wanted, wanted);
}

/** The upload is over and its list has caught up. */
export async function finished(page) {
  await until(page, (root) => {
    const total = root.querySelector('.total')?.dataset.phase;
    const [all, waiting] = [...root.querySelectorAll('.filters .count')].map((count) => Number(count.textContent.replace(/\D/g, '')));
    return (total === 'complete' || total === 'cancelled') && waiting === 0 && all === root.host.uploader.length;
  });
  return shown(page);
}

export async function click(page, selector) {
  const at = await page.evaluate((selector) => {
    const element = document.querySelector('cloudindex-uploader').shadowRoot.querySelector(selector);
    if (!element) throw new Error(`no ${selector} in the element`);
    element.scrollIntoView({ block: 'nearest' });
    const { x, y, width, height } = element.getBoundingClientRect();
    return { x: x + width / 2, y: y + height / 2 };
  }, selector);
  for (const type of ['mousePressed', 'mouseReleased']) await page.send('Input.dispatchMouseEvent', { type, ...at, button: 'left', clickCount: 1 });
}

const CODES = { Tab: 9, Enter: 13, Escape: 27, ' ': 32, PageUp: 33, PageDown: 34, End: 35, Home: 36, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40, Delete: 46 };

/** Presses keys, one after the other. */
export async function press(page, ...keys) {
  for (const key of keys) {
    const text = key === 'Enter' ? '\r' : key.length === 1 ? key : undefined;
    const what = { key, code: key === ' ' ? 'Space' : key, windowsVirtualKeyCode: CODES[key] ?? key.toUpperCase().charCodeAt(0) };
    await page.send('Input.dispatchKeyEvent', { type: text ? 'keyDown' : 'rawKeyDown', text, ...what });
    await page.send('Input.dispatchKeyEvent', { type: 'keyUp', ...what });
  }
}

/** Presses Tab until the focus is where a function of the focused element says; fails when it never comes there. */
export async function tabTo(page, wanted) {
  for (let i = 0; i < 40; i++) {
    const there = await page.evaluate(`() => { const e = document.querySelector('cloudindex-uploader').shadowRoot.activeElement; return e !== null && (${wanted})(e); }`);
    if (there) return;
    await press(page, 'Tab');
  }
  throw new Error(`forty times Tab do not lead to ${wanted}`);
}

export const command = (name) => `(e) => e.dataset.command === '${name}'`;

export const picture = (page, name) => page.screenshot(join(ROOT, 'target/screenshots', `element-${name}.png`));
