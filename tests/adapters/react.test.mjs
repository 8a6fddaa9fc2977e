// The React hook in a real page, in StrictMode.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { tree } from '../e2e/harness.mjs';
import { verify } from '../e2e/verify.mjs';
import { openApp } from './app.mjs';

test('in StrictMode it uploads, shows it, and renders far less often than events come', { timeout: 60_000 }, async (t) => {
  const contents = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`note-${i}.txt`, `note ${i}`]));
  const { server, page, sources } = await chosen(t, contents);
  await page.waitFor(() => app.state.phase === 'complete');
  const { state, renders, text, value, errors } = await page.evaluate(() => ({
    state: app.state, renders: app.renders, errors: app.errors, text: document.querySelector('output').textContent, value: document.querySelector('progress').value,
  }));
  assert.deepEqual([state.completed, state.length, text, value], [500, 500, 'complete: 500 of 500', 100]);
  assert.equal(state.batchId, await server.newestBatch());
  assert.ok(renders < 250, `${renders} renders for 500 files`);
  assert.deepEqual(errors, []);
  await verify(server, state.batchId, sources);
});

test('unmounted while it uploads: the workers end, nothing is left behind; mounted again it starts anew', { timeout: 60_000 }, async (t) => {
  const { server, gate, page, folder } = await chosen(t, { 'a.txt': 'a', 'b.bin': Buffer.alloc(2_000_000, 'b') }, 'held');
  assert.ok((await page.evaluateInWorkers(() => self.name)).length > 0, 'the engine is in a worker');
  await page.evaluate(() => app.show(false));
  await page.waitFor(() => document.querySelector('#gone') !== null);
  await page.workersEnd();
  gate.release();
  await page.evaluate(() => app.show(true));
  await page.waitFor(() => document.querySelector('#files') !== null);
  assert.deepEqual(await page.evaluate(() => [app.state.phase, app.state.length]), ['idle', 0]);
  await page.choose('#files', [join(folder, 'a.txt')]);
  await page.waitFor(() => app.state.phase === 'complete');
  await verify(server, await page.evaluate(() => app.state.batchId), new Map([['a.txt', join(folder, 'a.txt')]]));
  assert.deepEqual(await page.evaluate(() => app.errors), []);
  assert.deepEqual(page.log.filter((line) => /uncaught|Can't perform|act\(/.test(line)), []);
});

test('what keeps the upload as a whole from going on is shown', { timeout: 60_000 }, async (t) => {
  const folder = await tree(t, 'files', { 'a.txt': 'a' });
  const { page } = await openApp(t, 'react-wrong.jsx');
  await page.choose('#files', [join(folder, 'a.txt')]);
  await page.waitFor(() => document.querySelector('[role=alert]') !== null);
  assert.match(await page.evaluate(() => document.querySelector('[role=alert]').textContent), /invalid_option.*concurency/);
});

test('files added in an effect arrive once in StrictMode; options that change make no other uploader', { timeout: 60_000 }, async (t) => {
  const { server, page } = await openApp(t, 'react-effect.jsx');
  await page.waitFor(() => app.state?.phase === 'complete');
  await page.evaluate(() => app.setName('second'));
  await page.waitFor(() => app.state.name === 'second');
  const { state, asked, uploaders, errors } = await page.evaluate(() => ({ ...app, files: [], uploaders: app.uploaders.size }));
  assert.deepEqual([state.phase, state.length, asked, errors], ['complete', 2, 2, []]);
  assert.ok(uploaders <= 2, `${uploaders} uploaders`); // StrictMode makes the state of a component twice.
  const found = [];
  for await (const { id, name } of server.list('/v1/batches', 'batches')) found.push({ id, name });
  assert.deepEqual(found, [{ id: state.batchId, name: 'first' }]);
  const paths = [];
  for await (const { path } of server.list(`/v1/batches/${state.batchId}/documents`, 'documents')) paths.push(path);
  assert.deepEqual(paths.sort(), ['a.txt', 'b.txt']);
});

async function chosen(t, contents, how = 'open') {
  const folder = await tree(t, 'files', contents);
  const { server, gate, page } = await openApp(t, 'react.jsx');
  await page.waitFor(() => document.querySelector('#files') !== null);
  await page.inNewWorkers(() => {});
  if (how === 'held') gate.hold();
  const sources = new Map(Object.keys(contents).map((name) => [name, join(folder, name)]));
  await page.choose('#files', [...sources.values()]);
  await page.waitFor((count) => app.state.length === count, { args: [sources.size] });
  return { server, gate, page, sources, folder };
}

test('the element as a component: properties, events and ref; the newest handler hears; unmounting ends it', { timeout: 60_000 }, async (t) => {
  const folder = await tree(t, 'files', { 'a.txt': 'a', 'b.txt': 'b' });
  const { server, page } = await openApp(t, 'react-element.jsx');
  await page.inNewWorkers(() => {});
  await page.waitFor(() => app.element?.()?.locale === 'de');
  const look = () => {
    const { className, thumbnails, options } = app.element();
    return { className, thumbnails, name: options.batch.name };
  };
  assert.deepEqual(await page.evaluate(look), { className: 'mine', thumbnails: false, name: 'React element' });
  await page.drop('cloudindex-uploader', [join(folder, 'a.txt')]);
  await page.waitFor(() => app.completed.length === 1);
  await page.evaluate(() => app.setLabel('second'));
  await page.waitFor(() => app.element().thumbnails);
  await page.waitFor(() => app.element().uploader.phase === 'complete');
  const first = await page.evaluate(() => app.element().uploader.batchId);
  await verify(server, first, new Map([['a.txt', join(folder, 'a.txt')]]));
  await page.drop('cloudindex-uploader', [join(folder, 'b.txt')]);
  await page.waitFor(() => app.completed.length === 2);
  assert.deepEqual(await page.evaluate(() => app.completed), ['first a.txt', 'second b.txt']);
  await page.evaluate(() => app.show(false));
  await page.waitFor(() => document.querySelector('#gone') !== null);
  await page.workersEnd();
  assert.deepEqual(page.log.filter((line) => /uncaught|error:/.test(line)), []);
});
