// No mouse: everything that can be done is done by keys that a person presses.
import assert from 'node:assert/strict';
import { chmod, readFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { scratch, tree } from '../e2e/harness.mjs';
import { filesOf, verify } from '../e2e/verify.mjs';
import { allowing, command, finished, open, phase, press, reload, shown, tabTo, until } from './harness.mjs';

const GRID = "(e) => e.classList.contains('grid')";
const asOther = process.getuid() === 0 ? { user: 65534 } : {};

/** Presses Enter on a button that opens the file dialogue, and chooses there. */
async function chooseByKey(page, name, files) {
  await tabTo(page, command(name));
  const opened = page.next('Page.fileChooserOpened');
  await press(page, 'Enter');
  const { backendNodeId } = await opened;
  await page.send('DOM.setFileInputFiles', { files, backendNodeId });
}

const count = (page, place, wanted) => until(page, (root, place, wanted) => root.querySelectorAll('.filters .count')[place]?.textContent === wanted, place, wanted);

test('a failure is shown with its reason, and retried by keyboard alone', async (t) => {
  const folder = await tree(t, 'letters', { 'a.txt': 'a', 'locked.txt': 'locked', 'z.txt': 'z' });
  await chmod(dirname(folder), 0o755);
  await chmod(join(folder, 'locked.txt'), 0o000);
  const { server, page } = await open(t, { browserOptions: asOther });
  await page.drop('cloudindex-uploader', [folder]);
  await count(page, 3, '1');
  const before = await finished(page);
  const failed = before.rows.find(({ name }) => name === 'locked.txt');
  assert.deepEqual([failed.status, failed.acts], ['failed', 'retry']);
  assert.match(failed.why, /^The browser could not read the file\. Check/);
  await until(page, (root) => root.querySelector('.notice')?.textContent.includes('1 file: The browser could not read the file.'));
  assert.match(before.spoken, /2 files arrived; 1 file did not\./);

  await chmod(join(folder, 'locked.txt'), 0o644);
  await tabTo(page, GRID);
  await press(page, 'Home');
  for (let i = 0; (await shown(page)).active !== 'locked.txt'; i++) {
    assert.ok(i < 3, 'the arrow comes to every row');
    await press(page, 'ArrowDown');
  }
  await press(page, 'Enter');
  await count(page, 2, '3');
  assert.deepEqual([(await finished(page)).counts, (await shown(page)).focus], [['3', '0', '3', '0'], 'grid']);
  await verify(server, await server.newestBatch(), await filesOf(folder));
});

test('everything by keyboard', async (t) => {
  const folder = await tree(t, 'box', Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`${String(i).padStart(2, '0')}.txt`, `${i} `.repeat(i + 1)])));
  const more = await tree(t, 'loose', { 'extra.txt': 'extra', 'huge.bin': Buffer.alloc(2_000_000) });
  const downloads = await scratch(t);
  for (const path of [folder, more, join(downloads, 'x')]) await chmod(dirname(path), 0o777);
  const { page, gate, browser, server } = await open(t, { search: '?max-file-size=1MB', browserOptions: asOther });
  await page.send('Page.setInterceptFileChooserDialog', { enabled: true });
  await browser.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: downloads, eventsEnabled: true });
  gate.hold();

  // A folder, then files.
  await chooseByKey(page, 'choose-folder', [folder]);
  await count(page, 0, '30');
  assert.equal((await shown(page)).focus, 'grid', 'the focus is not lost with the button that was pressed');
  await chooseByKey(page, 'choose-files', [join(more, 'extra.txt'), join(more, 'huge.bin')]);
  await count(page, 0, '32');

  // Pause and resume.
  await tabTo(page, command('pause'));
  await press(page, 'Enter');
  await phase(page, 'paused');
  await until(page, (root) => root.querySelector('[role=status]').textContent === 'Upload paused');
  await tabTo(page, command('resume'));
  await press(page, ' ');
  await until(page, (root) => root.querySelector('.total').dataset.phase !== 'paused');

  // Filter, search, sort.
  await tabTo(page, "(e) => e.type === 'radio'");
  await press(page, 'ArrowRight', 'ArrowRight', 'ArrowRight');
  await until(page, (root) => root.querySelector('[value=failed]').checked && root.querySelectorAll('.window .row').length === 1);
  assert.deepEqual((await shown(page)).rows, [{ name: 'huge.bin', status: 'rejected', why: 'The file is larger than allowed. Leave it out, or make it smaller.', acts: '' }]);
  await press(page, 'ArrowLeft', 'ArrowLeft', 'ArrowLeft');
  await tabTo(page, "(e) => e.type === 'search'");
  await press(page, '2', '7');
  await until(page, (root) => [...root.querySelectorAll('.window .name')].map((name) => name.textContent.trim()).join() === '27.txt');
  await press(page, 'Escape');
  await until(page, (root) => root.querySelectorAll('.window .row').length > 3);
  await tabTo(page, "(e) => e.dataset.sort === 'size'");
  await press(page, 'Enter', 'Enter');
  await until(page, (root) => root.querySelector('[aria-sort=descending]') !== null && root.querySelector('.window .name').textContent.trim() === 'huge.bin');
  await tabTo(page, "(e) => e.dataset.sort === 'name'");
  await press(page, 'Enter');
  await until(page, (root) => root.querySelector('.window .name').textContent.trim() === '00.txt');

  // The list, and a file out of it.
  await tabTo(page, GRID);
  await press(page, 'End');
  assert.equal((await shown(page)).active, 'huge.bin');
  await press(page, 'Home', 'PageDown', 'PageUp', 'ArrowDown');
  const { active, rows } = await shown(page);
  assert.equal(active, '01.txt', JSON.stringify(rows));
  await press(page, 'Delete');
  await until(page, (root) => root.querySelector('[data-active=yes]')?.dataset.status === 'cancelled');

  // Everything that waits and has a 1 in its name, out at once.
  await tabTo(page, "(e) => e.type === 'radio'");
  await press(page, 'ArrowRight');
  await tabTo(page, "(e) => e.type === 'search'");
  await press(page, '1', '5', '.');
  await until(page, (root) => root.querySelector('[data-command=remove-shown]')?.textContent.trim() === 'Remove this file');
  await tabTo(page, command('remove-shown'));
  await press(page, 'Enter');
  await until(page, (root) => root.querySelector('.empty')?.textContent === 'No file matches.');
  await tabTo(page, "(e) => e.type === 'search'");
  await press(page, 'Escape');
  await count(page, 1, '29');

  // The rest arrives; the failure is saved.
  gate.release();
  await count(page, 2, '29');
  await finished(page);
  const saved = new Promise((done) => browser.on('Browser.downloadProgress', ({ state }) => { if (state === 'completed') done(); }));
  await tabTo(page, command('export'));
  await press(page, 'Enter');
  await saved;
  const [csv] = await readdir(downloads);
  assert.match(await readFile(join(downloads, csv), 'utf8'), /^\uFEFFPath,Bytes,.*\r\nhuge\.bin,2000000,Refused,file_too_large,The file is larger than allowed\.,/);
  const paths = [];
  for await (const { path } of server.list(`/v1/batches/${await server.newestBatch()}/documents`, 'documents')) paths.push(path);
  assert.equal(paths.length, 29);
  assert.ok(!paths.includes('box/01.txt') && !paths.includes('box/15.txt') && paths.includes('extra.txt'), paths.join());

  // Another upload, called off: asked first, and "go on" is where the focus is.
  gate.hold();
  await chooseByKey(page, 'choose-folder', [folder]);
  await count(page, 0, '30');
  await tabTo(page, command('ask-cancel'));
  await press(page, 'Enter');
  await until(page, (root) => root.activeElement?.dataset.command === 'go-on');
  await press(page, 'Enter');
  await tabTo(page, command('ask-cancel'));
  await press(page, 'Enter');
  await tabTo(page, command('cancel'));
  await press(page, 'Enter');
  const end = await finished(page);
  assert.equal(end.phase, 'cancelled');
  assert.match(end.spoken, /^Cancelled\. 0 files arrived before that\.$/);
});

test('one file is paused and resumed by keyboard alone, while the others go on', async (t) => {
  const folder = await tree(t, 'set', Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`${i}.txt`, `this is ${i}`])));
  const { page, gate, server } = await open(t);
  gate.hold();
  await page.drop('cloudindex-uploader', [folder]);
  await count(page, 0, '6');
  const statusOf = (name, ...wanted) => until(page, (root, name, wanted) => [...root.querySelectorAll('.window > .row')]
    .some((row) => row.querySelector('.name').textContent.trim() === name && wanted.includes(row.dataset.status)), name, wanted);
  await tabTo(page, "(e) => e.dataset.sort === 'name'");
  await press(page, 'Enter');
  await until(page, (root) => root.querySelector('[aria-sort=ascending]') !== null && root.querySelector('.grid').getAttribute('aria-busy') === 'false');
  await tabTo(page, GRID);
  await press(page, 'Home', 'ArrowDown');
  assert.match(await page.evaluate(() => document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.keys').textContent), /Space pause or resume/);

  // Space there and back, Enter back.
  assert.equal((await shown(page)).rows[1].acts, 'pause remove');
  await press(page, ' ');
  await statusOf('1.txt', 'paused');
  const { rows, active, focus } = await shown(page);
  assert.deepEqual([rows[1].acts, active, focus], ['resume remove', '1.txt', 'grid']);
  await press(page, ' ');
  await statusOf('1.txt', 'waiting', 'reading', 'sending');
  await press(page, ' ');
  await statusOf('1.txt', 'paused');
  await press(page, 'Enter');
  await statusOf('1.txt', 'waiting', 'reading', 'sending');
  await press(page, 'Enter'); // Nothing: it is not paused any more.
  await press(page, ' ');
  await statusOf('1.txt', 'paused');

  gate.release();
  await count(page, 2, '5');
  await phase(page, 'paused');
  assert.equal(await page.evaluate(() => document.querySelector('cloudindex-uploader').shadowRoot.querySelector('[data-command=resume]').textContent.trim()), 'Resume', 'it ran already');
  const paths = [];
  for await (const { path } of server.list(`/v1/batches/${await server.newestBatch()}/documents`, 'documents')) paths.push(path);
  assert.deepEqual(paths.sort(), [0, 2, 3, 4, 5].map((i) => `set/${i}.txt`));
  assert.equal((await shown(page)).rows[1].status, 'paused');
  await press(page, ' ');
  const end = await finished(page);
  assert.deepEqual([end.phase, end.counts, end.rows[1].acts], ['complete', ['6', '0', '6', '0'], '']);
  await verify(server, await server.newestBatch(), await filesOf(folder));
});

test('what waits is paused and resumed together, by keyboard', async (t) => {
  const folder = await tree(t, 'many', Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`${i}.txt`, `this is ${i}`])));
  const { page, gate, server } = await open(t);
  gate.hold();
  await page.drop('cloudindex-uploader', [folder]);
  await count(page, 0, '9');
  /** The buttons for what is listed. */
  const offered = (...wanted) => until(page, (root, wanted) => {
    const texts = [...root.querySelectorAll('[data-command$=-shown]')].map((button) => button.textContent.trim());
    return texts.join() === wanted.join();
  }, wanted);
  await tabTo(page, "(e) => e.type === 'radio'");
  await press(page, 'ArrowRight');
  await offered('Pause these 9', 'Remove these 9');
  await tabTo(page, "(e) => e.type === 'search'");
  await press(page, '4');
  await offered('Pause this file', 'Remove this file');
  await tabTo(page, command('pause-shown'));
  await press(page, 'Enter');
  await offered('Resume this file', 'Remove this file');
  assert.equal((await shown(page)).focus, 'resume-shown', 'the focus stays on the button that now does the opposite');
  await tabTo(page, "(e) => e.type === 'search'");
  await press(page, 'Escape');
  await offered('Pause these 8', 'Resume this file', 'Remove these 9');
  await tabTo(page, command('resume-shown'));
  await press(page, 'Enter');
  await offered('Pause these 9', 'Remove these 9');
  assert.equal((await shown(page)).focus, 'grid', 'never on what would remove them');
  await tabTo(page, command('pause-shown'));
  await press(page, ' ');
  await offered('Resume these 9', 'Remove these 9');
  await phase(page, 'paused');
  gate.release();
  await press(page, ' ');
  assert.deepEqual((await finished(page)).counts, ['9', '0', '9', '0']);
  await verify(server, await server.newestBatch(), await filesOf(folder));
});

/** An upload of twelve files that the page leaves in the middle. */
async function leave(t) {
  const folder = await tree(t, 'left', Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`${i}.txt`, `${i} `.repeat(40_000)])));
  const world = await open(t, { search: '?resume', browserOptions: { profile: await allowing(t) } });
  const { page, gate, server } = world;
  let bundles = 0;
  gate.answer = ({ url }) => {
    if (url.endsWith('/documents') && ++bundles === 2) gate.hold();
    return undefined;
  };
  await page.drop('cloudindex-uploader', [folder]);
  await until(page, (root) => root.querySelectorAll('.filters .count')[0]?.textContent === '12');
  await reload(page);
  gate.answer = () => undefined;
  gate.release();
  assert.match((await shown(page)).left, /^The upload of .* is not complete: \d+ of 12 files/);
  return { ...world, folder, first: await server.newestBatch() };
}

test('what was left is continued by keyboard', async (t) => {
  const { page, server, folder, first } = await leave(t);
  await tabTo(page, command('continue'));
  await press(page, 'Enter');
  await until(page, (root) => root.querySelectorAll('.filters .count')[2]?.textContent === '12');
  assert.deepEqual([(await finished(page)).phase, await server.newestBatch()], ['complete', first]);
  await verify(server, first, await filesOf(folder));
});

test('what was left is forgotten by keyboard', async (t) => {
  const { page, server, folder, first } = await leave(t);
  await tabTo(page, command('discard'));
  await press(page, 'Enter');
  await until(page, (root) => root.querySelector('.left') === null);
  await page.drop('cloudindex-uploader', [folder]);
  assert.equal((await finished(page)).phase, 'complete');
  assert.notEqual(await server.newestBatch(), first, 'a batch of its own');
});
