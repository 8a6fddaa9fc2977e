// FilePond, with its own list, on this engine.
import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tree } from '../e2e/harness.mjs';
import { verify } from '../e2e/verify.mjs';
import { openApp } from './app.mjs';

const INPUT = '.filepond--browser';

test('twenty files go up together; one is aborted on the way, one reverted afterwards', { timeout: 60_000 }, async (t) => {
  const names = Array.from({ length: 20 }, (_, i) => `note-${i}.txt`);
  const { server, gate, page, sources } = await chosen(t, Object.fromEntries(names.map((name) => [name, `this is ${name}`])));
  gate.hold();
  await page.evaluate(() => {
    app.pond.processFiles();
  });
  await page.waitFor(() => app.told.processfilestart.length === 20);
  await page.evaluate(() => app.pond.getFiles().find(({ filename }) => filename === 'note-3.txt').abortProcessing());
  await page.waitFor(() => app.told.processfileabort.length === 1);
  gate.release();
  await page.waitFor(() => app.told.processfile.length === 19);
  t.diagnostic(`20 files in ${gate.seen.length} requests`);
  assert.ok(gate.seen.length < 12, `${gate.seen.length} requests for 20 files: ${gate.seen.join('; ')}`);
  assert.ok(!(await page.evaluate(() => app.told.processfile)).includes('note-3.txt'));

  const reverted = await page.evaluate(() => {
    const file = app.pond.getFiles().find(({ filename }) => filename === 'note-5.txt');
    app.pond.removeFile(file.id, { revert: true });
    return file.serverId;
  });
  await page.waitFor(() => app.told.processfilerevert.length === 1 && app.reverted.length === 1);
  assert.ok(gate.seen.includes(`DELETE /v1/documents/${reverted}`));
  sources.delete('note-3.txt');
  sources.delete('note-5.txt');
  await verify(server, await server.newestBatch(), sources);
  assert.deepEqual(await page.evaluate(() => app.told.error), []);
});

test('what FilePond hands over two by two goes to one batch, and the workers end with it', { timeout: 60_000 }, async (t) => {
  const contents = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`note-${i}.txt`, `note ${i}`]));
  const { server, page, sources } = await chosen(t, contents);
  await page.inNewWorkers(() => {});
  await page.evaluate(() => {
    app.pond.maxParallelUploads = 2;
    app.pond.processFiles();
  });
  await page.waitFor(() => app.told.processfile.length === 8);
  await verify(server, await server.newestBatch(), sources);
  assert.ok((await page.evaluateInWorkers(() => self.name)).length > 0, 'the engine is in a worker');
  // The batch is completed when nothing more came for a while.
  await page.waitFor(async (batch) => {
    const { apiKey } = await (await fetch('page/config.json')).json();
    return (await (await fetch(`v1/batches/${batch}`, { headers: { authorization: `Bearer ${apiKey}` } })).json()).status !== 'open';
  }, { args: [await server.newestBatch()] });
  await page.workersEnd();
});

test('a file over the limit fails with its reason; after a failure it is handed over again', { timeout: 60_000 }, async (t) => {
  const { server, gate, page, sources } = await chosen(t, { 'a.txt': 'a', 'big.bin': Buffer.alloc(1_500_000, 'big') });
  gate.answer = () => 401;
  await page.evaluate(() => {
    app.pond.processFiles().catch(() => {});
  });
  await page.waitFor(() => app.told.error.length === 2);
  const errors = Object.fromEntries(await page.evaluate(() => app.told.error));
  assert.match(errors['big.bin'], /1|limit/);
  gate.answer = () => undefined;
  await page.evaluate(() => app.pond.processFile(app.pond.getFiles().find(({ filename }) => filename === 'a.txt').id).then(() => {}));
  await page.waitFor(() => app.told.processfile.length === 1);
  assert.deepEqual(await page.evaluate(() => app.told.processfile), ['a.txt']);
  sources.delete('big.bin');
  await verify(server, await server.newestBatch(), sources);
});

test("FilePond's progress never falls, and a revert that fails is told", { timeout: 60_000 }, async (t) => {
  const { gate, page } = await chosen(t, { 'a.txt': 'a', 'b.bin': Buffer.alloc(900_000, 'b') });
  await page.evaluate(() => {
    app.pond.processFiles();
  });
  await page.waitFor(() => app.told.processfile.length === 2);
  // FilePond says null by itself now and then: it spins instead of filling.
  const told = Object.entries(await page.evaluate(() => app.progress));
  const progress = Object.fromEntries(told.map(([name, parts]) => [name, parts.filter((part) => part !== null)]));
  for (const parts of Object.values(progress)) assert.deepEqual(parts, [...parts].sort((a, b) => a - b));
  assert.equal(progress['b.bin'].at(-1), 1);
  gate.answer = ({ method }) => (method === 'DELETE' ? 404 : undefined);
  const said = await page.evaluate(() => new Promise((resolve) => {
    app.pond.server.revert('no-such-document', () => resolve('reverted'), resolve);
  }));
  assert.notEqual(said, 'reverted');
  assert.notEqual(said, '');
  const variants = await page.evaluate(() => new Promise((resolve) => {
    app.pond.server.process('file', [{ name: 'small', file: new File(['a'], 'a.png') }], {}, () => resolve('arrived'), resolve, () => {}, () => {});
  }));
  assert.match(variants, /single files/);
});

test('a folder that is dropped keeps its paths, also those of a file that is handed over again', { timeout: 60_000 }, async (t) => {
  const folder = await tree(t, 'papers', { 'a.txt': 'a', 'deep/b.txt': 'b' });
  const { server, gate, page } = await openApp(t, 'filepond.js');
  await page.waitFor((input) => document.querySelector(input), { args: [INPUT] });
  await page.drop('.filepond--root', [folder]);
  await page.waitFor(() => app.pond.getFiles().filter(({ status }) => status === 2).length === 2);
  gate.answer = () => 401;
  await page.evaluate(() => {
    app.pond.processFiles().catch(() => {});
  });
  await page.waitFor(() => app.told.error.length === 2);
  gate.answer = () => undefined;
  await page.evaluate(() => {
    app.pond.processFiles();
  });
  await page.waitFor(() => app.told.processfile.length === 2);
  await verify(server, await server.newestBatch(), new Map([['papers/a.txt', join(folder, 'a.txt')], ['papers/deep/b.txt', join(folder, 'deep/b.txt')]]));
});

test('reverted and handed over again at once, it is uploaded again', { timeout: 60_000 }, async (t) => {
  const { server, page, sources } = await chosen(t, { 'a.txt': 'a' });
  const process = () => app.pond.processFile(app.pond.getFiles()[0].id).then(({ serverId }) => serverId);
  const first = await page.evaluate(process);
  // FilePond reverts what was processed when it is to be processed again.
  const second = await page.evaluate(process);
  assert.deepEqual(await page.evaluate(() => app.told.error), []);
  assert.notEqual(second, first);
  await page.waitFor((id) => app.reverted.includes(id), { args: [first] });
  await verify(server, await server.newestBatch(), sources);
});

test('a file that can not be read fails alone; when it can, it is handed over again, in the batch of the others', { timeout: 60_000 }, async (t) => {
  const { server, page, sources, folder } = await chosen(t, { 'a.txt': 'a', 'lost.txt': 'lost' });
  await rename(join(folder, 'lost.txt'), join(folder, 'away'));
  await page.evaluate(() => {
    app.pond.processFiles().catch(() => {});
  });
  await page.waitFor(() => app.told.error.length === 1 && app.told.processfile.length === 1);
  await rename(join(folder, 'away'), join(folder, 'lost.txt'));
  await page.evaluate(() => app.pond.processFile(app.pond.getFiles().find(({ filename }) => filename === 'lost.txt').id).then(() => {}));
  await verify(server, await server.newestBatch(), sources);
});

test('taken off the page while it uploads, FilePond leaves no worker and no document', { timeout: 60_000 }, async (t) => {
  const { server, gate, page } = await chosen(t, { 'a.txt': 'a' });
  await page.inNewWorkers(() => {});
  gate.hold();
  await page.evaluate(() => {
    app.pond.processFiles().catch(() => {});
  });
  while (gate.seen.length === 0) await page.evaluate(() => new Promise((frame) => requestAnimationFrame(() => frame())));
  await page.evaluate(() => app.pond.destroy());
  gate.release();
  await page.workersEnd();
  for await (const { id } of server.list('/v1/batches', 'batches')) await verify(server, id, new Map());
  assert.deepEqual(page.log.filter((line) => /uncaught/.test(line)), []);
});

/** FilePond with these files chosen in its own input, not yet handed over. */
async function chosen(t, contents) {
  const folder = await tree(t, 'files', contents);
  const { server, gate, page } = await openApp(t, 'filepond.js');
  const sources = new Map(Object.keys(contents).map((name) => [name, join(folder, name)]));
  await page.waitFor((input) => document.querySelector(input), { args: [INPUT] });
  await page.choose(INPUT, [...sources.values()]);
  await page.waitFor((count) => app.pond.getFiles().filter(({ status }) => status === 2).length === count, { args: [sources.size] });
  return { server, gate, page, sources, folder };
}
