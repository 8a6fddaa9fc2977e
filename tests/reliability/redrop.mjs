// A folder of 10,000 files is dropped, and dropped again unchanged: no byte of it is sent twice, and it takes a part of the
// time. On loopback and through a link of 20 Mbit/s.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Chromium } from '../e2e/cdp.mjs';
import { drop, finished } from '../e2e/element.mjs';
import { Server, UPLOAD_ALONE } from '../e2e/server.mjs';
import { filesOf, verify } from '../e2e/verify.mjs';
import { Proxy } from '../faults/proxy.mjs';
import { folderOf, inMB, inSeconds, received, upload, withFolder } from './ground.mjs';

const FILES = 10_000;
const BYTES = 4096;

const loopback = { link: undefined, least: 2 };
const slow = { link: { up: 2_500_000, down: 2_500_000 }, least: 4 };

export default async function redrop() {
  return withFolder(async (scratch) => {
    const folder = await folderOf(join(scratch, 'files'), Array(FILES).fill(BYTES));
    const rows = {};
    for (const [name, ways] of [['loopback', loopback], ['20 Mbit/s', slow]]) rows[name] = await twice(folder, ways);
    return rows;
  });
}

async function twice(folder, { link, least }) {
  const server = await Server.start(UPLOAD_ALONE);
  const proxy = link && (await Proxy.before(server, [], { link }));
  const browser = await Chromium.launch();
  try {
    const { url } = proxy ?? server;
    const first = await uploaded(browser, url, folder);
    const sent = await received(server);
    const second = await uploaded(browser, url, folder);
    const again = (await received(server)) - sent;
    await verify(server, await server.newestBatch(), await filesOf(folder));
    assert.equal(again, 0, 'bytes were sent a second time');
    const ratio = first / second;
    assert.ok(ratio >= least, `only ${ratio.toFixed(1)} times faster, ${least} are promised`);
    return { first: inSeconds(first), sent: inMB(sent), again: inSeconds(second), 'sent again': inMB(again), faster: `${ratio.toFixed(1)}×` };
  } finally {
    await browser.close();
    await proxy?.close();
    await server.stop();
  }
}

/** The time from the drop to the end, on a page of its own. */
async function uploaded(browser, url, folder) {
  const page = await upload(browser, url);
  const began = performance.now();
  await drop(page, [folder]);
  const end = await finished(page, 600_000);
  const took = performance.now() - began;
  assert.deepEqual([end.phase, end.failed], ['complete', '0'], JSON.stringify(end));
  await page.goto('about:blank'); // the page lets go of the journal
  return took;
}
