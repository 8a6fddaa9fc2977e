// The server is killed twenty times while it receives 2,000 files of 200 MB, and started again on its data. What it had
// acknowledged by then is there, and the upload goes on by itself.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Chromium } from '../e2e/cdp.mjs';
import { Page } from '../e2e/page.mjs';
import { KEY, Server, UPLOAD_ALONE } from '../e2e/server.mjs';
import { filesOf, verify } from '../e2e/verify.mjs';
import { MB, chance, folderOf, inMB, inSeconds, moments, received, withFolder } from './ground.mjs';

export const KILLS = 20;

export default function serverKills({ seed = 1 } = {}) {
  return withFolder(async (scratch) => {
    const next = chance(seed);
    const sizes = Array.from({ length: 2000 }, () => Math.ceil(next() * 200_000));
    // Two that take many requests.
    sizes.push(9 * MB, 15 * MB);
    const folder = await folderOf(join(scratch, 'files'), sizes);
    const sources = await filesOf(folder);
    const whole = sizes.reduce((sum, size) => sum + size);
    const server = await Server.start(UPLOAD_ALONE);
    const browser = await Chromium.launch();
    try {
      const page = await start(browser, server);
      const began = performance.now();
      await page.choose('#folder', [folder]);
      let before = 0; // bytes that the server received before its last start
      let [acked, checked] = [[], 0];
      for (const moment of moments(KILLS, whole * 0.97, seed)) {
        const here = Math.max(0, moment - before);
        let seen = 0;
        while (seen < here && !(await over(page))) {
          seen = await received(server);
          await new Promise((wait) => setTimeout(wait, 5));
        }
        before += await received(server);
        await server.kill();
        // What the page was told so far was durable.
        acked = await page.evaluate(() => window.acked.slice());
        await server.restart();
        checked += await present(server, acked);
      }
      const end = await page.evaluate(() => window.over);
      const took = performance.now() - began;
      before += await received(server);
      assert.deepEqual([end.failed, end.completed], [0, sources.size], JSON.stringify(end));
      const { bytes } = await verify(server, await server.newestBatch(), sources);
      return {
        kills: KILLS, files: sources.size, bytes: inMB(bytes), 'acks checked': checked, 'acks lost': 0,
        'sent again': inMB(before - bytes), took: inSeconds(took),
      };
    } finally {
      await browser.close();
      await server.stop();
    }
  });
}

/** A page that keeps account of every ack that it is told. */
async function start(browser, server) {
  const page = await Page.open(browser, `${server.url}/page/config.json`);
  await page.evaluate(async (apiKey) => {
    document.body.innerHTML = '<input id="folder" type="file" webkitdirectory>';
    const { Uploader, cloudindex } = await import('/dist/index.js');
    const uploader = new Uploader({ target: cloudindex({ apiKey }), retryStrategy: { backoff: { initial: 100, maxDelay: 1000 } } });
    window.acked = [];
    window.ended = false;
    uploader.addEventListener('filecomplete', ({ detail }) => window.acked.push(detail.path));
    window.over = new Promise((resolve) => {
      uploader.addEventListener('complete', ({ detail }) => { window.ended = true; resolve({ ...detail.progress, why: detail.results.find(({ error }) => error)?.error?.message }); });
    });
    document.querySelector('#folder').addEventListener('change', ({ target }) => uploader.add(target.files));
  }, KEY);
  return page;
}

const over = (page) => page.evaluate(() => window.ended);

/** Every one of these paths is a document of the server. */
async function present(server, paths) {
  if (paths.length === 0) return 0;
  const there = new Set();
  for await (const { path } of server.list(`/v1/batches/${await server.newestBatch()}/documents`, 'documents')) there.add(path);
  const missing = paths.filter((path) => !there.has(path));
  assert.deepEqual(missing, [], 'acknowledged, and gone after the kill');
  return paths.length;
}
