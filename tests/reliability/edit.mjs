// One file of 1 GiB is uploaded, 1 MB within it is replaced, and it is uploaded again: the blocks around the edit travel.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Chromium } from '../e2e/cdp.mjs';
import { drop, finished } from '../e2e/element.mjs';
import { Server, UPLOAD_ALONE } from '../e2e/server.mjs';
import { verify } from '../e2e/verify.mjs';
import { MB, file, inMB, inSeconds, received, upload, withFolder } from './ground.mjs';

const GIB = 2 ** 30;

export default function edit() {
  return withFolder(async (scratch) => {
    const path = join(scratch, 'large.bin');
    await file(path, GIB, 1);
    const server = await Server.start(UPLOAD_ALONE);
    try {
      const first = await uploaded(server, path);
      const rows = { first: { sent: inMB(await received(server)), took: inSeconds(first) } };
      for (const [name, place] of [['at 1 %', 0.01], ['in the middle', 0.5], ['at 98 %', 0.98]]) {
        const handle = await open(path, 'r+');
        await handle.write(randomBytes(MB), 0, MB, Math.floor(GIB * place));
        await handle.close();
        const before = await received(server);
        // A fresh profile each time: no journal helps.
        const took = await uploaded(server, path);
        const sent = (await received(server)) - before;
        await verify(server, await server.newestBatch(), new Map([['large.bin', path]]));
        assert.ok(sent <= GIB / 100, `${sent} bytes were sent for an edit of 1 MB`);
        rows[`1 MB replaced ${name}`] = { sent: inMB(sent), 'of the file': `${((sent / GIB) * 100).toFixed(2)} %`, took: inSeconds(took) };
      }
      return rows;
    } finally {
      await server.stop();
    }
  });
}

async function uploaded(server, path) {
  const browser = await Chromium.launch();
  try {
    const page = await upload(browser, server.url);
    const began = performance.now();
    await drop(page, [path]);
    const end = await finished(page, 600_000);
    assert.deepEqual([end.phase, end.failed], ['complete', '0'], JSON.stringify(end));
    return performance.now() - began;
  } finally {
    await browser.close();
  }
}
