// A real server: what the browser's own fetch sends is what the server then gives back.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { KEY, Server } from '../e2e/server.mjs';
import { chromium } from './chromium.mjs';

const { inPage } = chromium();
let server;

before(async () => {
  server = await Server.start(['--allow-origin', '*']);
});
after(() => server?.stop());

for (const [who, workers] of [['the host reads', 0], ['two workers read', 2]]) {
  test(`files arrive on a real server: ${who}`, async () => {
    const { arrived, failed } = await inPage(async (baseUrl, apiKey, workers) => {
      const { Upload, equal, file, inWorker, must, noise } = await import('/in-page.js');
      const readers = await Promise.all(Array.from({ length: workers }, inWorker));
      const upload = await Upload.start({ baseUrl, apiKey, batch: { name: 'tests/host' } }, undefined, { readers });
      const seed = 1000 * workers;
      const contents = [0, 1, 4096, 1 << 20, (1 << 20) + 1, 6_000_000].map((length) => [`${length} "bytes" ü🦀.bin`, noise(length, seed + length)]);
      for (let n = 0; n < 300; n++) contents.push([`many/${n}.txt`, noise(4096, seed + n)]);
      const added = upload.intake.add(contents.map(([name, bytes]) => file(bytes, name)));
      const changes = [];
      await upload.phase('complete', changes);
      await added;
      const documents = changes.filter(({ documentId }) => documentId !== undefined);
      for (const { id, documentId } of documents) {
        const answer = await fetch(`${baseUrl}/v1/documents/${documentId}/content`, { headers: { Authorization: `Bearer ${apiKey}` } });
        const [name, bytes] = contents[id];
        must(equal(new Uint8Array(await answer.arrayBuffer()), bytes), `${name} is not what it was`);
      }
      return { arrived: new Set(documents.map(({ id }) => id)).size, failed: changes.filter(({ error }) => error) };
    }, server.url, KEY, workers);
    assert.deepEqual([arrived, failed], [306, []]);
  });
}
