// One file of 1 GiB: cut, hashed and sent as it is read, so the browser never holds it.
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { drop, finished } from './element.mjs';
import { open, scratch } from './harness.mjs';
import { watchMemory } from './memory.mjs';
import { verify } from './verify.mjs';

const MIB = 1 << 20;

test('a file of 1 GiB', async (t) => {
  const path = join(await scratch(t), 'large.bin');
  await pipeline(Readable.from(noise(1024)), createWriteStream(path));
  const { server, browser, page } = await open(t);
  const memory = watchMemory(browser.pid);
  await drop(page, [path]);
  const end = await finished(page, 300_000);
  const peaks = await memory.stop();
  t.diagnostic(`${end.notice} ${JSON.stringify(peaks)}`);
  assert.deepEqual([end.phase, end.percent, end.count, end.failed], ['complete', '100%', '1 of 1', '0']);
  assert.ok(peaks.rendererPeakMiB < 1024, `the renderer held ${peaks.rendererPeakMiB} MiB of a file of 1,024`);
  assert.deepEqual(await verify(server, await server.newestBatch(), new Map([['large.bin', path]])), { files: 1, bytes: 1024 * MIB });
});

/** Bytes that no one can compress or find twice, and the same ones each time: a cipher's key stream. */
function* noise(mebibytes) {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16));
  const zeros = Buffer.alloc(MIB);
  for (let i = 0; i < mebibytes; i++) yield cipher.update(zeros);
}
