// Uppy's own Dashboard, with its buttons, on this engine.
import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tree } from '../e2e/harness.mjs';
import { verify } from '../e2e/verify.mjs';
import { openApp } from './app.mjs';

const INPUT = '.uppy-Dashboard-input';
const UPLOAD = '.uppy-StatusBar-actionBtn--upload';

test('a thousand files go up in bundles; the Dashboard shows how each stands, one fails, and is retried by its own button', { timeout: 60_000 }, async (t) => {
  const contents = Object.fromEntries(Array.from({ length: 998 }, (_, i) => [`note-${i}.txt`, `the note ${i}`]));
  // Its list shows those first that were chosen first.
  const { server, gate, page, sources, folder } = await chosen(t, { 'large.bin': Buffer.alloc(60_000_000, 'large'), 'lost.txt': 'lost', ...contents });
  await rename(join(folder, 'lost.txt'), join(folder, 'away'));
  await page.evaluate((circle) => {
    app.circle = new Set();
    const look = () => {
      const offset = app.item('large.bin')?.querySelector(circle)?.getAttribute('stroke-dashoffset');
      if (offset) app.circle.add(Number(offset));
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
  }, '.uppy-Dashboard-Item-progressIcon--progress');
  await page.click(UPLOAD);

  await page.waitFor(() => app.results.length === 1, { timeout: 60_000 });
  const first = await page.evaluate(() => ({
    ...app.told, result: app.results[0], errors: app.errors, large: app.progress['large.bin'], circle: [...app.circle],
    percents: app.uppy.getFiles().map(({ progress }) => progress.percentage),
    shown: document.querySelector('.uppy-StatusBar').textContent,
  }));
  assert.deepEqual(first.result, [999, 1]);
  assert.equal(first['upload-start'].length, 1000);
  assert.equal(first['upload-success'].length, 999);
  assert.deepEqual(first.errors.map(({ name }) => name), ['lost.txt']);
  assert.equal(first.percents.filter((percent) => percent === 100).length, 999);
  assert.ok(first.large.length >= 2, `bytes of the large file were told ${first.large.length} times`);
  assert.deepEqual(first.large, [...first.large].sort((a, b) => a - b), 'a progress that fell');
  const whole = 2 * Math.PI * 15;
  assert.ok(first.circle.some((offset) => offset > 0 && offset < whole), `the circle of the large file stood at ${first.circle}`);
  assert.match(first.shown, /failed/i);
  const requests = gate.seen.length;
  t.diagnostic(`1,000 files in ${requests} requests`);
  assert.ok(requests < 60, `${requests} requests for 1,000 files`);

  await page.waitFor(() => app.item('lost.txt')?.matches('.is-error') && app.item('large.bin')?.matches('.is-complete'));
  await rename(join(folder, 'away'), join(folder, 'lost.txt'));
  await page.click('.is-error [title="Retry upload"]');
  await page.waitFor(() => app.item('lost.txt')?.matches('.is-complete'));
  assert.equal((await page.evaluate(() => app.told['upload-success'])).at(-1), 'lost.txt');
  assert.ok(gate.seen.length - requests < 10, `${gate.seen.length - requests} requests for one file`);
  await page.waitFor(() => /complete/i.test(document.querySelector('.uppy-StatusBar')?.textContent));
  await verify(server, await server.newestBatch(), sources);
  assert.equal((await batches(server)).length, 1, 'what is retried goes to the batch of the others');
});

test('pause and resume of all, and of one file', { timeout: 60_000 }, async (t) => {
  const { server, gate, page, sources } = await chosen(t, FILES);
  gate.hold();
  await page.click(UPLOAD);
  await page.waitFor(() => document.querySelector('.uppy-StatusBar-actionCircleBtn[title="Pause"]'));
  // One file waits by itself; the gate opens, and the others arrive without it.
  await page.evaluate(() => app.uppy.pauseResume(app.uppy.getFiles().find(({ name }) => name === 'b.txt').id));
  gate.release();
  await page.waitFor(() => app.told['upload-success'].length === 2);
  assert.deepEqual(await page.evaluate(() => [app.told['upload-success'].sort(), app.results]), [['a.txt', 'c.bin'], []]);
  await page.evaluate(() => app.uppy.pauseResume(app.uppy.getFiles().find(({ name }) => name === 'b.txt').id));
  await page.waitFor(() => app.results.length === 1);
  assert.deepEqual(await page.evaluate(() => app.results), [[3, 0]]);
  await verify(server, await server.newestBatch(), sources);
  assert.equal((await batches(server)).length, 1, 'the batch waits for a paused file');
});

test('all paused by the button of the Dashboard, then all resumed', { timeout: 60_000 }, async (t) => {
  const { server, gate, page, sources } = await chosen(t, FILES);
  gate.hold();
  await page.click(UPLOAD);
  await page.waitFor(() => document.querySelector('.uppy-StatusBar-actionCircleBtn[title="Pause"]'));
  await page.click('.uppy-StatusBar-actionCircleBtn[title="Pause"]');
  await page.waitFor(() => app.uppy.getFiles().every(({ isPaused }) => isPaused));
  await page.click('.uppy-StatusBar-actionCircleBtn[title="Resume"]');
  gate.release();
  await page.waitFor(() => app.results.length === 1);
  assert.deepEqual(await page.evaluate(() => app.results), [[3, 0]]);
  await verify(server, await server.newestBatch(), sources);
});

test('a paused upload of which one file is resumed sends that one alone', { timeout: 60_000 }, async (t) => {
  const { page, gate } = await chosen(t, FILES);
  gate.hold();
  await page.click(UPLOAD);
  await page.waitFor(() => document.querySelector('.uppy-StatusBar-actionCircleBtn[title="Pause"]'));
  await page.evaluate(() => {
    app.uppy.pauseAll();
    app.uppy.pauseResume(app.uppy.getFiles().find(({ name }) => name === 'b.txt').id);
  });
  gate.release();
  await page.waitFor(() => app.told['upload-success'].length > 0);
  assert.deepEqual(await page.evaluate(() => app.told['upload-success']), ['b.txt']);
  await page.evaluate(() => app.uppy.resumeAll());
  await page.waitFor(() => app.results.length === 1);
  assert.deepEqual(await page.evaluate(() => app.results), [[3, 0]]);
});

test('a file that is removed while it goes up is not waited for, and leaves no document', { timeout: 60_000 }, async (t) => {
  const { server, gate, page, sources } = await chosen(t, FILES);
  gate.hold();
  await page.click(UPLOAD);
  await page.waitFor(() => app.told['upload-start'].length === 3);
  await page.evaluate(() => app.uppy.removeFile(app.uppy.getFiles().find(({ name }) => name === 'c.bin').id));
  gate.release();
  await page.waitFor(() => app.results.length === 1);
  assert.deepEqual(await page.evaluate(() => app.results), [[2, 0]]);
  sources.delete('c.bin');
  await verify(server, await server.newestBatch(), sources);
});

test('cancel ends the upload, and the next one goes to a batch of its own', { timeout: 60_000 }, async (t) => {
  const { server, gate, page, sources, folder } = await chosen(t, FILES);
  gate.hold();
  await page.click(UPLOAD);
  await page.waitFor(() => document.querySelector('.uppy-StatusBar-actionCircleBtn--cancel, [title="Cancel"]'));
  await page.click('[title="Cancel"]');
  gate.release();
  await page.waitFor(() => app.results.length === 1 && app.uppy.getFiles().length === 0);
  assert.deepEqual(await page.evaluate(() => app.results), [[0, 0]]);
  await page.waitFor((input) => document.querySelector(input), { args: [INPUT] });
  await page.choose(INPUT, [join(folder, 'a.txt')]);
  await page.waitFor(() => document.querySelector('.uppy-StatusBar-actionBtn--upload'));
  await page.click(UPLOAD);
  await page.waitFor(() => app.results.length === 2);
  assert.deepEqual(await page.evaluate(() => app.results[1]), [1, 0]);
  await verify(server, await server.newestBatch(), new Map([['a.txt', sources.get('a.txt')]]));
});

test('wasm that does not come fails the files, and a retry loads it', { timeout: 60_000 }, async (t) => {
  const { server, page } = await chosen(t, FILES);
  await server.kill();
  await page.click(UPLOAD);
  await page.waitFor(() => app.results.length === 1);
  assert.deepEqual(await page.evaluate(() => [app.results, [...new Set(app.errors.map(({ code }) => code))]]), [[[0, 3]], ['wasm_unavailable']]);
  await server.restart();
  await page.evaluate(() => app.uppy.retryAll());
  assert.deepEqual(await page.evaluate(() => app.results[1]), [3, 0]);
});

test("Uppy's restrictions are Uppy's, the upload's limits fail the file alone, also when it is tried again", { timeout: 60_000 }, async (t) => {
  const { page, server, sources } = await chosen(t, FILES, { limits: { maxFileSize: '1MB' } });
  await page.evaluate(() => {
    app.uppy.setOptions({ restrictions: { allowedFileTypes: ['.txt', '.bin'] } });
    try { app.uppy.addFile({ name: 'fourth.exe', data: new Blob(['4']) }); } catch { /* Uppy tells */ }
  });
  assert.deepEqual(await page.evaluate(() => app.told['restriction-failed']), ['fourth.exe']);
  await page.click(UPLOAD);
  await page.waitFor(() => app.results.length === 1);
  await page.evaluate(() => app.uppy.retryAll());
  const { results, errors } = await page.evaluate(() => app);
  assert.deepEqual(results, [[2, 1], [0, 1]]);
  assert.deepEqual(errors.map(({ name, code }) => [name, code]), [['c.bin', 'file_too_large'], ['c.bin', 'file_too_large']]);
  sources.delete('c.bin');
  await verify(server, await server.newestBatch(), sources);
});

test('no network is told as stalled, with the files that wait; when it is back the upload goes on by itself', { timeout: 60_000 }, async (t) => {
  const { server, gate, page, sources } = await chosen(t, FILES);
  await page.inNewWorkers(() => {});
  gate.hold();
  await page.click(UPLOAD);
  while (gate.seen.length === 0) await page.evaluate(() => new Promise((frame) => requestAnimationFrame(() => frame())));
  // What the browser does when the cable is pulled.
  await page.evaluateInWorkers(() => self.dispatchEvent(new Event('offline')) && 0);
  await page.waitFor(() => app.stalled.length > 0);
  const { message, names } = await page.evaluate(() => app.stalled[0]);
  assert.notEqual(message, '');
  assert.deepEqual(names.sort(), ['a.txt', 'b.txt', 'c.bin']);
  gate.release();
  await page.waitFor(() => app.results.length === 1);
  assert.deepEqual(await page.evaluate(() => app.results), [[3, 0]]);
  await verify(server, await server.newestBatch(), sources);
});

test('blobs, folders, names and meta of Uppy are those of the documents', { timeout: 60_000 }, async (t) => {
  const { page, server } = await chosen(t, { 'a.txt': 'a' });
  await page.evaluate(async () => {
    app.uppy.setFileMeta(app.uppy.getFiles()[0].id, { name: 'renamed.txt', colour: 'blue' });
    app.uppy.addFile({ name: 'x.txt', data: new Blob(['x']), meta: { relativePath: 'folder/x.txt' } });
    await app.uppy.upload();
  });
  const documents = await page.evaluate(() => app.documents);
  const found = await Promise.all(Object.values(documents).map(({ documentId }) => server.json(`/v1/documents/${documentId}`)));
  assert.deepEqual(found.map(({ path, metadata }) => [path, metadata?.colour]).sort(), [['folder/x.txt', undefined], ['renamed.txt', 'blue']]);
});

test('a wrong key fails the files, and the upload ends', { timeout: 60_000 }, async (t) => {
  const { page, gate } = await chosen(t, FILES);
  gate.answer = () => 401;
  await page.click(UPLOAD);
  await page.waitFor(() => app.results.length === 1);
  assert.deepEqual(await page.evaluate(() => [app.results, [...new Set(app.errors.map(({ code }) => code))]]), [[[0, 3]], ['unauthorized']]);
  gate.answer = () => undefined;
  await page.evaluate(() => app.uppy.retryAll());
  assert.deepEqual(await page.evaluate(() => app.results[1]), [3, 0]);
});

const FILES = { 'a.txt': 'a', 'b.txt': 'bb', 'c.bin': Buffer.alloc(2_500_000, 'c') };

/** The Dashboard with these files chosen in its own input, not yet uploaded. */
async function chosen(t, contents, options) {
  const folder = await tree(t, 'files', contents);
  const { server, gate, page } = await openApp(t, 'uppy.js');
  if (options) {
    await page.goto(`${gate.url}/?options=${encodeURIComponent(JSON.stringify(options))}`);
    await page.waitFor(() => globalThis.app && !(globalThis.app instanceof Element));
  }
  const sources = new Map(Object.keys(contents).map((name) => [name, join(folder, name)]));
  await page.waitFor((input) => document.querySelector(input), { args: [INPUT] });
  await page.choose(INPUT, [...sources.values()]);
  await page.waitFor((count) => app.uppy.getFiles().length === count && document.querySelector('.uppy-StatusBar-actionBtn--upload'), { args: [sources.size] });
  return { server, gate, page, sources, folder };
}

async function batches(server) {
  const found = [];
  for await (const batch of server.list('/v1/batches', 'batches')) found.push(batch);
  return found;
}
