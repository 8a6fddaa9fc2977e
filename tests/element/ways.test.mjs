// What comes in, by every way, and what an application sees of it.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tree } from '../e2e/harness.mjs';
import { KEY } from '../e2e/server.mjs';
import { filesOf, verify } from '../e2e/verify.mjs';
import { click, finished, open, phase, shown, until } from './harness.mjs';

test('a dropped folder arrives, and the element says so', async (t) => {
  const folder = await tree(t, 'manuals', Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`part ${i % 3}/${i}.txt`, `text ${i} `.repeat(i + 1)])));
  const { server, page } = await open(t, { search: '?batch-name=Manuals' });
  assert.equal((await shown(page)).phase, 'none');
  await page.evaluate(() => {
    globalThis.heard = [];
    for (const type of ['uploaderchange', 'complete']) document.addEventListener(type, ({ detail }) => heard.push([type, detail.progress?.completed ?? (detail.uploader ? 'new' : 'none')]));
    // For every file, and only because somebody listens on the element itself.
    globalThis.files = { fileadded: 0, filecomplete: 0 };
    for (const type of Object.keys(files)) document.querySelector('cloudindex-uploader').addEventListener(type, () => files[type]++);
  });
  await page.drop('cloudindex-uploader', [folder]);
  const end = await finished(page);
  assert.deepEqual([end.phase, end.percent, end.words, end.counts], ['complete', '100%', 'Done', ['40', '0', '40', '0']]);
  assert.match(end.notice, /^All done: 40 files arrived \([\d.]+ kB\) in \d+ sec\.$/);
  assert.equal(end.spoken, end.notice);
  assert.ok(end.rows.length > 4 && end.rows.every(({ status }) => status === 'committed'), JSON.stringify(end.rows));
  assert.deepEqual(await page.evaluate(() => [heard, files]), [[['uploaderchange', 'new'], ['complete', 40]], { fileadded: 40, filecomplete: 40 }]);
  const batch = await server.newestBatch();
  assert.equal((await server.json(`/v1/batches/${batch}`)).name, 'Manuals');
  await verify(server, batch, await filesOf(folder));
  assert.deepEqual(page.log.filter((line) => /^(?:error|uncaught)/.test(line)), []);
});

test('pasted files; and a second upload after the first', async (t) => {
  const { server, page } = await open(t);
  const paste = (name) => page.evaluate((name) => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([`this is ${name}`], name));
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  }, name);
  await paste('first.txt');
  assert.deepEqual((await finished(page)).rows.map(({ name }) => name), ['first.txt']);
  const first = await server.newestBatch();
  await paste('second.txt');
  await until(page, (root) => root.querySelector('.name')?.textContent.trim() === 'second.txt');
  assert.equal((await finished(page)).phase, 'complete');
  assert.notEqual(await server.newestBatch(), first);
});

test('a drag that goes on elsewhere leaves nothing behind, and words are not taken', async (t) => {
  const folder = await tree(t, 'one', { 'a.txt': 'a' });
  const { page } = await open(t);
  const drag = (type, y) => page.send('Input.dispatchDragEvent', { type, x: 500, y, data: { items: [], files: [folder], dragOperationsMask: 1 } });
  await drag('dragEnter', 200);
  await drag('dragOver', 200);
  await drag('dragOver', 270); // From one part of it to another.
  await until(page, (root) => root.querySelector('.base').dataset.drag === 'over');
  await drag('dragOver', 790);
  await until(page, (root) => root.querySelector('.base').dataset.drag === 'none');
  const data = { items: [{ mimeType: 'text/plain', data: 'words' }], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop']) await page.send('Input.dispatchDragEvent', { type, x: 500, y: 200, data });
  assert.equal((await shown(page)).phase, 'none');
});

test("an application's own uploader is shown, and stays the application's", async (t) => {
  const { page } = await open(t);
  await page.evaluate(async () => {
    const { Uploader, cloudindex } = await import('/dist/index.js');
    const { apiKey } = await (await fetch('page/config.json')).json();
    globalThis.mine = new Uploader({ target: cloudindex({ apiKey, baseUrl: '' }), autoStart: false });
    const element = document.querySelector('cloudindex-uploader');
    element.uploader = mine;
    element.strings = { start: 'Off we go' };
    mine.add([new File(['1'], 'one.txt'), new File(['2'], 'two.txt')]);
  });
  await until(page, (root) => root.querySelector('[data-command=resume]')?.textContent.trim() === 'Off we go');
  assert.equal(await page.evaluate(() => document.querySelector('cloudindex-uploader').uploader === mine), true);
  await page.evaluate(() => {
    const element = document.querySelector('cloudindex-uploader');
    const { parentNode } = element;
    element.remove();
    parentNode.append(element); // Moved: it goes on.
    mine.start();
  });
  assert.equal((await finished(page)).phase, 'complete');
  await page.evaluate(() => { document.querySelector('cloudindex-uploader').uploader = undefined; });
  await until(page, (root) => root.querySelector('.drop') !== null);
  assert.equal(await page.evaluate(() => mine.progress.completed), 2);
});

test('what was set before the element was defined counts', async (t) => {
  const html = `<!doctype html><html lang="en"><cloudindex-uploader></cloudindex-uploader><script type="module">
    const element = document.querySelector('cloudindex-uploader');
    element.options = { apiKey: '${KEY}', batch: { name: 'Early' } };
    element.strings = { chooseFiles: 'Pick' };
    await import('./dist/element.js');
    element.add([new File(['1'], 'one.txt')]);
  </script>`;
  const { page, server } = await open(t, { prepare: (folder) => writeFile(join(folder, 'index.html'), html) });
  assert.equal((await finished(page)).phase, 'complete');
  assert.equal((await server.json(`/v1/batches/${await server.newestBatch()}`)).name, 'Early');
});

test('a wrong option is told, not thrown; a right one then works', async (t) => {
  const { page } = await open(t, { search: '?concurrency=none' });
  const add = () => page.evaluate(() => document.querySelector('cloudindex-uploader').add([new File(['1'], 'one.txt')]));
  await add();
  await until(page, (root) => root.querySelector('.notice[data-kind=bad]')?.textContent.includes('concurrency'));
  await page.evaluate(() => document.querySelector('cloudindex-uploader').setAttribute('concurrency', '2'));
  await add();
  assert.equal((await finished(page)).phase, 'complete');
  assert.deepEqual(page.log.filter((line) => line.startsWith('uncaught')), []);
});

test("an application's own workers", async (t) => {
  const { page } = await open(t);
  await page.evaluate(() => {
    globalThis.started = 0;
    const workerUrl = () => {
      started++;
      return new Worker('dist/worker.js', { type: 'module' });
    };
    const element = document.querySelector('cloudindex-uploader');
    element.options = { ...element.options, workerUrl };
    element.add([new File(['1'], 'one.txt')]);
  });
  assert.equal((await finished(page)).phase, 'complete');
  assert.ok(await page.evaluate(() => started) > 0);
});

test('a key that is not accepted: the reason and what helps', async (t) => {
  const { page } = await open(t);
  await page.evaluate(() => {
    const element = document.querySelector('cloudindex-uploader');
    element.options = { ...element.options, apiKey: 'wrong' };
    element.add([new File(['1'], 'one.txt')]);
  });
  await until(page, (root) => root.querySelector('.notice')?.textContent.includes('does not accept the key'));
  assert.match((await shown(page)).notice, /Sign in again/);
});

test('a file is paused and resumed by its buttons, which say which file they are for', async (t) => {
  const { page, gate } = await open(t);
  gate.hold();
  await page.evaluate(() => document.querySelector('cloudindex-uploader').add(Array.from({ length: 3 }, (_, i) => new File([`${i}`], `${i}.txt`))));
  const buttons = (...wanted) => until(page, (root, wanted) => [...root.querySelectorAll('#row-1 [data-act]')].map((button) => button.ariaLabel).join() === wanted.join(), wanted);
  await buttons('Pause 1.txt', 'Remove 1.txt');
  await click(page, '#row-1 [data-act=pause]');
  await buttons('Resume 1.txt', 'Remove 1.txt');
  await until(page, (root) => root.querySelector('#row-1 .state .icon') !== null && root.querySelector('#row-1 .status').textContent === 'Paused');
  assert.equal(await page.evaluate(() => document.querySelector('cloudindex-uploader').shadowRoot.activeElement?.dataset.act), 'resume', 'the focus stays on the button');
  await click(page, '#row-1 [data-act=resume]');
  await buttons('Pause 1.txt', 'Remove 1.txt');
  await click(page, '#row-1 [data-act=remove]');
  await buttons();
  assert.equal((await shown(page)).focus, 'grid', 'nor is it lost with the last one');
  gate.release();
  assert.deepEqual((await finished(page)).rows.map(({ status }) => status), ['committed', 'cancelled', 'committed']);
});

test('languages come with lang, figures and direction with them', async (t) => {
  const { page } = await open(t);
  const lead = (lang, text) => page.evaluate((lang) => document.querySelector('cloudindex-uploader').setAttribute('lang', lang), lang)
    .then(() => page.waitFor((text) => document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.lead').textContent === text, { args: [text] }));
  await lead('de', 'Dateien oder Ordner hier ablegen');
  await lead('ja-JP', 'ここにファイルやフォルダをドロップ');
  await lead('ar', 'أفلت الملفات أو المجلدات هنا');
  assert.equal(await page.evaluate(() => document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.base').dir), 'rtl');
  await lead('fr', 'Drop files or folders here');
});

test('another uploader has pictures of its own', async (t) => {
  const { page } = await open(t, { search: '?thumbnails' });
  await page.evaluate(async () => {
    const { Uploader, cloudindex } = await import('./dist/index.js');
    const { apiKey } = await (await fetch('page/config.json')).json();
    globalThis.mine = Object.fromEntries(await Promise.all([5, 9].map(async (width) => {
      const uploader = new Uploader({ target: cloudindex({ apiKey, baseUrl: '' }), autoStart: false });
      const png = await new OffscreenCanvas(width, 4).getContext('2d').canvas.convertToBlob();
      await uploader.add([new File([png], `${width}.png`, { type: 'image/png' })]);
      return [width, uploader];
    })));
  });
  for (const width of [5, 9]) {
    await page.evaluate((width) => { document.querySelector('cloudindex-uploader').uploader = mine[width]; }, width);
    await until(page, (root, width) => root.querySelector('.name')?.textContent.trim() === `${width}.png` && root.querySelector('.picture img')?.complete, width);
    assert.equal(await page.evaluate(() => document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.picture img').naturalWidth), width);
  }
});

test('what a search or filter finds is spoken', async (t) => {
  const { page } = await open(t);
  await page.evaluate(() => document.querySelector('cloudindex-uploader').add(Array.from({ length: 30 }, (_, i) => new File([`${i}`], `${i}.txt`))));
  await finished(page);
  const search = (text) => page.evaluate((text) => {
    const field = document.querySelector('cloudindex-uploader').shadowRoot.querySelector('[type=search]');
    field.value = text;
    field.dispatchEvent(new Event('input'));
  }, text);
  const spoken = (text) => until(page, (root, text) => root.querySelector('[role=status]').textContent === text, text);
  await search('2');
  await spoken('12 files');
  await search('nowhere');
  await spoken('No file matches.');
  await search('');
  await spoken('30 files');
  await page.evaluate(() => document.querySelector('cloudindex-uploader').shadowRoot.querySelector('[value=failed]').click());
  await spoken('Nothing failed.');
});

test('thumbnails only for images in view, and let go afterwards', async (t) => {
  const { page } = await open(t, { search: '?thumbnails' });
  await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(8, 8);
    canvas.getContext('2d').fillRect(0, 0, 8, 8);
    const png = await (await canvas.convertToBlob()).arrayBuffer();
    globalThis.live = new Set();
    const { createObjectURL, revokeObjectURL } = URL;
    URL.createObjectURL = (blob) => { const url = createObjectURL(blob); live.add(url); return url; };
    URL.revokeObjectURL = (url) => { live.delete(url); revokeObjectURL(url); };
    const files = Array.from({ length: 300 }, (_, i) => new File([png, new Uint8Array([i & 255, i >> 8])], `${i}.png`, { type: 'image/png' }));
    document.querySelector('cloudindex-uploader').add([...files, new File(['x'], 'note.txt', { type: 'text/plain' })]);
  });
  await finished(page);
  await until(page, (root) => [...root.querySelectorAll('.picture img')].some(({ naturalWidth }) => naturalWidth === 8));
  const scrollTo = async (part) => {
    await page.evaluate((part) => { const grid = document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.grid'); grid.scrollTop = part * grid.scrollHeight; }, part);
    await until(page, (root, part) => Math.abs(root.querySelector('.grid').scrollTop - Math.min(part * root.querySelector('.grid').scrollHeight, root.querySelector('.grid').scrollHeight - root.querySelector('.grid').clientHeight)) < 60 && [...root.querySelectorAll('.window .row')].length > 0, part);
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  };
  const first = await page.evaluate(() => [...live]);
  await scrollTo(0);
  await scrollTo(0.5);
  const [live, images] = await page.evaluate(() => [[...globalThis.live], document.querySelector('cloudindex-uploader').shadowRoot.querySelectorAll('.picture img').length]);
  assert.ok(live.length > 0 && live.length <= 12, `${live.length} pictures held`);
  assert.equal(live.length, images);
  assert.ok(first.every((url) => !live.includes(url)), 'pictures out of view are let go');
  await page.evaluate(() => document.querySelector('cloudindex-uploader').remove());
  assert.equal(await page.evaluate(() => globalThis.live.size), 0);
});
