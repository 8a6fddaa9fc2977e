// Pictures of the page for people to look at, in target/screenshots: each state in each look. What can be checked without eyes is checked: that
// what the picture is of is there, that nothing is wider than the window, and axe.
import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../scripts/lib/run.mjs';
import { audit, quiet } from './audit.mjs';
import { drop, figures, finished, left, processed, shown, someArrived } from './element.mjs';
import { open, ready, tree } from './harness.mjs';

const LOOKS = {
  light: {},
  dark: { theme: 'dark' },
  rtl: { language: 'ar' },
  narrow: { width: 390, height: 1750 },
  'narrow-rtl-dark': { width: 390, height: 1750, language: 'ar', theme: 'dark' },
};

/** As the settings of the page make it, at a size of the window. */
async function look(page, { theme = 'system', language = '', width = 1200, height = 860 }) {
  await page.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
  await page.evaluate((values) => {
    for (const [name, value] of Object.entries(values)) {
      const field = document.querySelector(`#settings [name=${name}]`);
      if (field.value === value) continue;
      field.value = value;
      field.dispatchEvent(new Event('change', { bubbles: true }));
    }
    scrollTo(0, 0);
  }, { theme, language });
  await page.waitFor((lang) => document.documentElement.lang === lang && document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.base').lang === lang, { args: [language || 'en'] });
  // The element loads its own words, and what the size of the list brings into view is rendered a frame later.
  await new Promise((done) => setTimeout(done, 300));
}

async function pictures(t, page, state, looks = Object.keys(LOOKS)) {
  for (const name of looks) {
    await look(page, LOOKS[name]);
    await page.screenshot(join(ROOT, 'target/screenshots', `page-${state}-${name}.png`));
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${state}, ${name}: wider than the window`);
    await audit(t, page, `${state}, ${name}`);
  }
  await look(page, LOOKS.light);
}

test('pictures of the page', async (t) => {
  const failing = await tree(t, 'drafts', { 'final.txt': 'x', 'locked.txt': 'y', 'notes.txt': 'z' });
  await chmod(join(failing, 'locked.txt'), 0o000);
  await chmod(dirname(failing), 0o755);
  const { page, gate } = await open(t, { gated: true, browserOptions: process.getuid() === 0 ? { user: 65534 } : {} });
  assert.equal((await shown(page)).phase, 'idle');
  await pictures(t, page, 'empty');
  await page.evaluate(() => document.querySelectorAll('details').forEach((one) => { one.open = true; }));
  await page.evaluate(() => document.querySelector('[value=cloudindex]').click());
  LOOKS.tall = { height: 1900 };
  LOOKS['tall-rtl'] = { height: 1900, language: 'ar' };
  LOOKS['tall-dark'] = { height: 1900, theme: 'dark' };
  await pictures(t, page, 'settings', ['tall', 'tall-rtl', 'narrow']);
  await page.evaluate(() => document.querySelectorAll('details').forEach((one) => { one.open = false; }));

  // After the second bundle with content the rest waits, so the page shows an upload that is half done for as long as it takes.
  let bundles = 0;
  gate.answer = ({ url, headers }) => {
    if (url.endsWith('/documents') && headers['content-length'] > 100_000 && ++bundles === 2) gate.hold();
    return undefined;
  };
  await page.click('#samples [value="3000"]');
  await page.click('#samples button');
  await someArrived(page);
  await pictures(t, page, 'busy');

  const asked = page.next('Page.javascriptDialogOpening').then(() => page.send('Page.handleJavaScriptDialog', { accept: true }));
  const loaded = page.next('Page.loadEventFired');
  void page.send('Page.reload');
  await Promise.race([loaded, asked.then(() => loaded)]);
  gate.answer = () => undefined;
  gate.release();
  await ready(page);
  await left(page);
  await pictures(t, page, 'unfinished');

  await page.click('#samples [value="3000"]');
  await page.click('#samples button');
  await finished(page);
  await pictures(t, page, 'processing', ['light', 'narrow']);
  await processed(page, 200_000);
  await pictures(t, page, 'done');
  await page.click('#query');
  await page.send('Input.insertText', { text: 'spare parts for the observatory' });
  await page.waitFor(() => document.querySelectorAll('#results ol > li').length > 5);
  await page.click('#verify button');
  await page.waitFor(() => document.querySelectorAll('.report > ul > li').length === 4);
  await pictures(t, page, 'results', ['tall', 'tall-dark', 'tall-rtl', 'narrow']);

  await drop(page, [failing]);
  await figures(page, '2 of 3', '1');
  await processed(page);
  await pictures(t, page, 'failures');
  quiet(page);
});
