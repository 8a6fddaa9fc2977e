// What every scenario starts from: a server, a browser, a page; and folders to drop on it.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Chromium } from './cdp.mjs';
import * as element from './element.mjs';
import { Gate } from './gate.mjs';
import { Page } from './page.mjs';
import { Server } from './server.mjs';

/** Server, browser and the upload page, ready for a drop; with `gated`, a gate between them, and with `between`, whatever
 *  that function of the server starts. All end with the test `t`, and what the page logged is then shown. */
export async function open(t, { browserOptions, serverOptions, gated = false, between = gated && ((server) => Gate.before(server)) } = {}) {
  const { server, browser, gate } = await start(t, { browserOptions, serverOptions, between });
  const page = await Page.open(browser, `${(gate ?? server).url}/`);
  t.after(() => page.log.forEach((line) => t.diagnostic(line)));
  await ready(page);
  return { server, browser, page, gate };
}

/** Server, browser, and an application's page of the server's origin, with a file input: what the package does without the
 *  upload page. `/dist/index.js` is there to import. */
export async function openBlank(t, options = {}) {
  const { server, browser, gate } = await start(t, options);
  // A document of that origin that runs nothing of ours: Chromium shows JSON in an HTML page.
  const page = await Page.open(browser, `${(gate ?? server).url}/page/config.json`);
  t.after(() => page.log.forEach((line) => t.diagnostic(line)));
  await page.evaluate(() => {
    document.body.innerHTML = '<input id="files" type="file" multiple>';
  });
  return { server, browser, page, gate };
}

async function start(t, { browserOptions, serverOptions: { flags, data } = {}, between }) {
  // Ends in the opposite order: a browser that still sends would keep the server from ending.
  const server = await Server.start(flags, { data });
  const browser = await Chromium.launch(browserOptions).catch(async (error) => {
    await server.stop();
    throw error;
  });
  t.after(async () => {
    await browser.close();
    await server.stop();
  });
  const gate = between ? await between(server) : undefined;
  if (gate) t.after(() => gate.close());
  return { server, browser, gate };
}

/** The page has its configuration, and takes files from now on. */
export async function ready(page) {
  await page.waitFor(() => document.querySelector('#server').textContent !== '' && document.querySelector('#key').hidden);
  await element.ready(page);
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
