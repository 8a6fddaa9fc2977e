// The browser is killed twenty times while it uploads 2,000 files of 500 MB. Each time it is started again with the same
// profile, the folder is dropped again, and it goes on in the same batch.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Chromium } from '../e2e/cdp.mjs';
import { drop, finished, left } from '../e2e/element.mjs';
import { Server, UPLOAD_ALONE } from '../e2e/server.mjs';
import { filesOf, verify } from '../e2e/verify.mjs';
import { Proxy } from '../faults/proxy.mjs';
import { IN_FLIGHT, MB, chance, folderOf, inMB, inSeconds, moments, received, until, upload, withFolder } from './ground.mjs';

export const KILLS = 20;

export default function browserKills({ seed = 1 } = {}) {
  return withFolder(async (scratch) => {
    const folder = await folderOf(join(scratch, 'files'), sizes(2000, 500 * MB, chance(seed)));
    const sources = await filesOf(folder);
    const profile = join(scratch, 'profile');
    const server = await Server.start(UPLOAD_ALONE);
    // A link on which requests take a while, so that kills meet them on their way.
    const proxy = await Proxy.before(server, [], { link: { up: 25 * MB } });
    try {
      const began = performance.now();
      for (const moment of moments(KILLS, 490 * MB, seed)) {
        const browser = await Chromium.launch({ profile });
        const page = await visit(browser, proxy.url);
        await drop(page, [folder]);
        await until(server, moment, page);
        await browser.kill();
      }
      const browser = await Chromium.launch({ profile });
      const page = await visit(browser, proxy.url);
      await drop(page, [folder]);
      const end = await finished(page, 600_000);
      const took = performance.now() - began;
      await browser.close();
      assert.equal(end.phase, 'complete', JSON.stringify(end));
      const batches = [];
      for await (const { id } of server.list('/v1/batches', 'batches')) batches.push(id);
      assert.equal(batches.length, 1, 'all of it went to one batch');
      const { bytes } = await verify(server, batches[0], sources);
      const excess = (await received(server)) - bytes;
      assert.ok(excess <= KILLS * IN_FLIGHT, `${excess} bytes were sent again`);
      return {
        kills: KILLS, files: sources.size, bytes: inMB(bytes), 'sent again': inMB(excess), 'a kill': inMB(excess / KILLS),
        allowed: inMB(KILLS * IN_FLIGHT), took: inSeconds(took),
      };
    } finally {
      await proxy.close();
      await server.stop();
    }
  });
}

/** The page, when it has told what was left: a drop of DevTools' that meets the page as it moves down for that can be lost. */
async function visit(browser, url) {
  const page = await upload(browser, url);
  await left(page, 3000).catch(() => undefined);
  return page;
}

/** Mostly small files and some of many megabytes, of so many bytes together. */
function sizes(number, bytes, next) {
  const weights = Array.from({ length: number }, () => Math.exp(next() * 8));
  const unit = bytes / weights.reduce((sum, weight) => sum + weight);
  return weights.map((weight) => Math.max(1, Math.round(weight * unit)));
}
