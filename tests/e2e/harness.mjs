// What every scenario starts from: a server, a browser, a page; and folders to drop on it.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Chromium } from './cdp.mjs';
import { Page } from './page.mjs';
import { Server } from './server.mjs';

/** Server, browser and the upload page, ready for a drop. All end with the test `t`; what the page logged is then shown. */
export async function open(t, { flags = [], browserOptions, path = '/' } = {}) {
  const server = await Server.start(flags);
  t.after(() => server.stop());
  const browser = await Chromium.launch(browserOptions);
  t.after(() => browser.close());
  const page = await Page.open(browser, server.url + path);
  t.after(() => page.log.forEach((line) => t.diagnostic(line)));
  await ready(page);
  return { server, browser, page };
}

/** The page has its configuration, and takes files from now on. */
export function ready(page) {
  return page.waitFor(() => document.querySelector('#server').textContent !== '' && document.querySelector('#key').hidden);
}

/** Waits until the upload on the page is over, and returns what the page then says of it. */
export async function finished(page, timeout = 60_000) {
  await page.waitFor(() => ['complete', 'cancelled'].includes(document.querySelector('#total').dataset.phase), { timeout });
  return shown(page);
}

/** What a person sees. */
export function shown(page) {
  return page.evaluate(() => {
    const text = (id) => document.getElementById(id).textContent;
    return {
      phase: document.querySelector('#total').dataset.phase,
      percent: text('percent'),
      count: text('count'),
      failed: text('failed'),
      notice: text('notice'),
      rows: [...document.querySelectorAll('.row')]
        .filter((row) => !row.hidden)
        .map((row) => ({
          path: row.querySelector('.path').textContent,
          status: row.dataset.status,
          reason: row.querySelector('.reason').textContent,
        })),
    };
  });
}

/** An empty folder that goes with the test. */
export async function scratch(t) {
  const folder = await mkdtemp(join(tmpdir(), 'cloudindex-files-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Makes a folder of `{ 'path/of/file': content }` inside a scratch folder, and returns where it is. */
export async function tree(t, name, contents) {
  const folder = join(await scratch(t), name);
  await mkdir(folder);
  for (const [path, content] of Object.entries(contents)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}
