// An upload that outlives its page: reloaded in the middle, it goes on where the server's acks ended, in the same batch.
import assert from 'node:assert/strict';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../scripts/lib/run.mjs';
import { drop, figures, finished, left, nothingLeft, phase, press, shown, someArrived, until } from './element.mjs';
import { open, ready, scratch, tree } from './harness.mjs';
import { Page } from './page.mjs';
import { filesOf, verify } from './verify.mjs';

const picture = (page, name) => page.screenshot(join(ROOT, 'target/screenshots', `${name}.png`));

const FILES = 60;
const BYTES = 300_000;

/** Files without two alike, whose times have milliseconds: by whole seconds alone the engine trusts nothing. */
async function handbook(t) {
  const contents = Object.fromEntries(Array.from({ length: FILES }, (_, i) => [`chapter ${i % 3}/${i}.txt`, `${i} `.repeat(BYTES).slice(0, BYTES)]));
  const folder = await tree(t, 'handbook', contents);
  await settled();
  return folder;
}

/** A file that was written this very moment may be written again within the same tick of the clock: it is not recognised by its time. */
function settled() {
  return new Promise((settle) => setTimeout(settle, 3000));
}

/** A browser's profile in which the user said "allow on every visit": a prompt can't be answered where nobody sees it. */
async function allowing(t) {
  const profile = await scratch(t);
  const exceptions = { file_system_access_extended_permission: { 'http://127.0.0.1:*,*': { setting: 1 } } };
  await mkdir(join(profile, 'Default'));
  await writeFile(join(profile, 'Default', 'Preferences'), JSON.stringify({ profile: { content_settings: { exceptions } } }));
  return profile;
}

/** Bytes of content that the server was sent, needed or not. */
async function bytesReceived(server) {
  let text = '';
  for await (const chunk of (await server.request('/metrics')).setEncoding('utf8')) text += chunk;
  const values = [...text.matchAll(/^cloudindex_block_bytes_total(?:\{.*\})? (\d+)/gm)].map(([, value]) => Number(value));
  assert.ok(values.length > 0, text);
  return values.reduce((sum, value) => sum + value, 0);
}

/** Drops the folder and lets the upload come as far as a third of its bytes. Returns how many files had arrived. */
async function begin(page, gate, folder) {
  let passed = 0;
  gate.answer = ({ headers }) => {
    passed += Number(headers['content-length'] ?? 0);
    if (passed > (FILES * BYTES) / 3) gate.hold();
    return undefined;
  };
  await drop(page, [folder]);
  const count = await someArrived(page);
  // Answers of what was let through still come; when the page has heard them all, nothing moves any more.
  let arrived = Number(count);
  for (let last = -1; last !== arrived;) {
    last = arrived;
    await new Promise((wait) => setTimeout(wait, 500));
    arrived = Number(/^\d+/.exec((await shown(page)).count)[0]);
  }
  assert.ok(arrived > 0 && arrived < FILES, `${arrived} files had arrived`);
  gate.answer = () => undefined;
  return arrived;
}

/** The guard against leaving asks; the answer is yes. */
async function reload(page) {
  const asked = page.next('Page.javascriptDialogOpening').then(() => page.send('Page.handleJavaScriptDialog', { accept: true }));
  const loaded = page.next('Page.loadEventFired');
  void page.send('Page.reload');
  await Promise.race([loaded, asked.then(() => loaded)]);
  await ready(page);
}

/** In the page: nothing is offered. */
function nothing() {
  return document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.left') === null;
}

/** In the page: how many records the journal has. */
async function records() {
  const result = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const database = await result(indexedDB.open('cloudindex-uploader'));
  return result(database.transaction('records').objectStore('records').count());
}

async function batches(server) {
  const ids = [];
  for await (const { id } of server.list('/v1/batches', 'batches')) ids.push(id);
  return ids;
}

test('reloaded in the middle, the same folder goes on in the same batch and nothing that was acked is sent again', async (t) => {
  const folder = await handbook(t);
  const { server, page, gate } = await open(t, { gated: true });
  const arrived = await begin(page, gate, folder);
  await reload(page);
  gate.release();
  const { words, goOn } = await left(page);
  assert.match(words, new RegExp(`^The upload of .+ is not complete: ${arrived} of ${FILES} files \\(.+\\) have arrived\\.$`));
  await picture(page, 'left');
  assert.ok(goOn, 'dropped folders can be gone on with');
  const before = await bytesReceived(server);

  await drop(page, [folder]);
  const end = await finished(page);
  assert.deepEqual([end.phase, end.count, end.failed], ['complete', `${FILES} of ${FILES}`, '0']);
  assert.equal((await batches(server)).length, 1);
  await verify(server, await server.newestBatch(), await filesOf(folder));
  const sent = (await bytesReceived(server)) - before;
  assert.ok(sent <= (FILES - arrived) * BYTES, `${sent} bytes were sent for ${FILES - arrived} files of ${BYTES}`);

  await reload(page);
  await nothingLeft(page);
});

test('Continue goes on by the kept folder, without a drop', async (t) => {
  const folder = await handbook(t);
  const { server, page, gate } = await open(t, { gated: true, browserOptions: { profile: await allowing(t) } });
  const arrived = await begin(page, gate, folder);
  await reload(page);
  gate.release();
  await left(page);
  const before = await bytesReceived(server);
  await press(page, 'continue');
  await until(page, (root) => (root.querySelector('.total')?.dataset.phase ?? 'idle') !== 'idle');
  const end = await finished(page);
  assert.deepEqual([end.phase, end.count], ['complete', `${FILES} of ${FILES}`]);
  assert.equal((await batches(server)).length, 1);
  await verify(server, await server.newestBatch(), await filesOf(folder));
  assert.ok((await bytesReceived(server)) - before <= (FILES - arrived) * BYTES);
});

test('Continue that the user refuses says how to go on', async (t) => {
  const folder = await handbook(t);
  const { server, page, gate } = await open(t, { gated: true, browserOptions: { flags: ['--deny-permission-prompts'] } });
  await begin(page, gate, folder);
  await reload(page);
  gate.release();
  await left(page);
  await press(page, 'continue');
  await until(page, (root) => /^This page may not read the files by itself/.test(root.querySelector('.left .quiet').textContent));
  await picture(page, 'left-refused');
  const { goOn, afresh } = await left(page);
  assert.deepEqual([goOn, afresh], [false, true]);
  await drop(page, [folder]);
  assert.equal((await finished(page)).count, `${FILES} of ${FILES}`);
  assert.equal((await batches(server)).length, 1);
});

test('Start afresh forgets it: the same files go to a batch of their own, and what is there is not sent', async (t) => {
  const folder = await handbook(t);
  const { server, page, gate } = await open(t, { gated: true });
  const arrived = await begin(page, gate, folder);
  await reload(page);
  gate.release();
  await left(page);
  await press(page, 'discard');
  await nothingLeft(page);
  await reload(page);
  await new Promise((watched) => setTimeout(watched, 500));
  assert.ok(await page.evaluate(nothing), 'it is forgotten for good');

  const before = await bytesReceived(server);
  await drop(page, [folder]);
  const end = await finished(page);
  assert.deepEqual([end.phase, end.count], ['complete', `${FILES} of ${FILES}`]);
  assert.equal((await batches(server)).length, 2);
  await verify(server, await server.newestBatch(), await filesOf(folder));
  assert.ok((await bytesReceived(server)) - before <= (FILES - arrived) * BYTES);
});

test('of a changed subset and new files only what is new is sent; what was not added again is told', async (t) => {
  const folder = await handbook(t);
  const { server, page, gate } = await open(t, { gated: true });
  await begin(page, gate, folder);
  await reload(page);
  gate.release();
  await left(page);
  // One chapter of three, one of its pages changed, and one more.
  const changed = join(folder, 'chapter 0', '0.txt');
  await writeFile(changed, 'x'.repeat(BYTES));
  await writeFile(join(folder, 'chapter 0', 'new.txt'), 'new');
  await settled();
  const before = await bytesReceived(server);
  const some = await tree(t, 'handbook', {});
  await cp(join(folder, 'chapter 0'), join(some, 'chapter 0'), { recursive: true, preserveTimestamps: true });
  await drop(page, [some]);
  const end = await finished(page);
  assert.deepEqual([end.phase, end.count, end.failed], ['complete', '21 of 21', '0']);
  assert.match(end.notice, /39 files of the earlier upload were not added again/);
  const id = await server.newestBatch();
  assert.equal((await batches(server)).length, 1);
  assert.ok((await bytesReceived(server)) - before <= 21 * BYTES);

  // The rest still belongs to it.
  await drop(page, [folder]);
  await figures(page, '61 of 61');
  await finished(page);
  await verify(server, id, await filesOf(folder));
});

test('without IndexedDB an upload works as ever', async (t) => {
  const folder = await tree(t, 'plain', { 'a.txt': 'a', 'b.txt': 'b' });
  const { server, page } = await open(t);
  await page.send('Page.addScriptToEvaluateOnNewDocument', {
    source: 'Object.defineProperty(globalThis, "indexedDB", { value: undefined }); globalThis.Worker = undefined;',
  });
  await reload(page);
  await drop(page, [folder]);
  const end = await finished(page);
  assert.deepEqual([end.phase, end.count, end.failed], ['complete', '2 of 2', '0']);
  assert.match(end.notice, /^2 files arrived/);
  assert.deepEqual(page.log.filter((line) => /error|uncaught/.test(line)), []);
  await verify(server, await server.newestBatch(), await filesOf(folder));
});

test('without room for a journal an upload works as ever, and leaves nothing', async (t) => {
  const folder = await handbook(t);
  const { server, page, gate } = await open(t, { gated: true });
  await page.send('Storage.overrideQuotaForOrigin', { origin: gate.url, quotaSize: 1 });
  await begin(page, gate, folder);
  assert.equal(await page.evaluate(records), 0, 'nothing could be kept');
  gate.release();
  const end = await finished(page);
  assert.deepEqual([end.phase, end.count, end.failed], ['complete', `${FILES} of ${FILES}`, '0']);
  assert.deepEqual(page.log.filter((line) => /error|uncaught/.test(line)), []);
  await verify(server, await server.newestBatch(), await filesOf(folder));
  await reload(page);
  await new Promise((watched) => setTimeout(watched, 500));
  assert.ok(await page.evaluate(nothing));
});

test('a second tab with the same files waits for the first, then ends without sending a byte', async (t) => {
  const folder = await handbook(t);
  const { server, browser, page, gate } = await open(t, { gated: true });
  await begin(page, gate, folder);
  const second = await Page.open(browser, `${gate.url}/`);
  await ready(second);
  assert.match((await left(second)).words, /^Another tab is at an upload of /);
  await picture(second, 'left-elsewhere');
  await drop(second, [folder]);
  await phase(second, 'stalled');
  assert.match((await shown(second)).notice, /^Another tab is uploading/);
  await picture(second, 'other-tab-waiting');
  // Only the tab in front is painted.
  await page.send('Page.bringToFront');
  gate.release();
  await finished(page);
  const before = await bytesReceived(server);
  await second.send('Page.bringToFront');
  const end = await finished(second);
  assert.deepEqual([end.phase, end.count, end.failed], ['complete', `${FILES} of ${FILES}`, '0']);
  assert.match(end.notice, /Nothing had to be sent/);
  assert.equal(await bytesReceived(server), before);
  await verify(server, await server.newestBatch(), await filesOf(folder));
});
