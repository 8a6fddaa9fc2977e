// After the upload, on the page: processing is followed to its end, what was uploaded is found, opened and saved, and it is verified.
import assert from 'node:assert/strict';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { audit, quiet } from './audit.mjs';
import { act, drop, press, processed, shown, status, until } from './element.mjs';
import { open, scratch, tree } from './harness.mjs';
import { Provider } from './provider.mjs';

const PICTURE = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const FILES = {
  'tides.md': '# Tides\n\nThe moon pulls the sea up twice a day, and lets it fall again.\n',
  'bread.html': '<title>Bread</title><p>Flour, water, salt and a night in the cellar.</p><script>document.title = "ran"</script>',
  'harbour/table.txt': 'The tide table of the harbour tells when ships may leave: mind the moon and the wind.\n',
  'cover.png': PICTURE,
};

/** Both ways in which a batch tells how far it is. */
const STATUS = /^\/v1\/batches\/[^/]+(?:\/events)?$/;

/** What is beneath the element. */
const results = (page) => page.evaluate(() => {
  const text = (selector) => document.querySelector(`#results ${selector}`).textContent.replace(/\s+/g, ' ').trim();
  return {
    shown: !document.querySelector('#results').hidden,
    count: text('#results-count'),
    told: text('search [role=status]'),
    hits: [...document.querySelectorAll('#results ol > li')].map((hit) => ({
      path: hit.querySelector('.link').title,
      snippet: hit.querySelector('p').textContent,
      marked: [...hit.querySelectorAll('p mark')].map((mark) => mark.textContent.toLowerCase()),
    })),
    verdict: text('#verify [role=status]'),
    checks: Object.fromEntries([...document.querySelectorAll('.report > ul > li')].map((li) => [li.querySelector('b').textContent, [li.dataset.tone, li.querySelector('span').textContent]])),
    listed: [...document.querySelectorAll('.report section li')].map((li) => [...li.children].map((child) => child.textContent)),
  };
});

const told = (page, what) => page.waitFor((what) => new RegExp(what).test(document.querySelector('search [role=status]').textContent), { args: [what.source] });

const verdict = (page, what) => page.waitFor((what) => new RegExp(what).test(document.querySelector('#verify [role=status]').textContent), { args: [what.source] });

/** Types into the search, in the place of what was there. */
async function type(page, text) {
  await page.evaluate(() => { document.querySelector('#query').select(); });
  await page.click('#query');
  await page.evaluate(() => { document.querySelector('#query').select(); });
  await page.send('Input.insertText', { text });
}

async function key(page, name, code, modifiers = 0) {
  const text = name === 'Enter' ? '\r' : undefined;
  for (const type of [text ? 'keyDown' : 'rawKeyDown', 'keyUp']) await page.send('Input.dispatchKeyEvent', { type, text, key: name, code: name, windowsVirtualKeyCode: code, modifiers });
}

/** Searches that reached the server. */
const searches = (gate) => gate.seen.filter((request) => request === 'POST /v1/search').length;

/** A page with the files on its server, processed. */
async function ready(t, options) {
  const folder = await tree(t, 'archive', FILES);
  const world = await open(t, { gated: true, ...options });
  await drop(world.page, [folder]);
  await processed(world.page);
  return world;
}

test('processing is followed to its end: what can be found, what can not, and why', async (t) => {
  const folder = await tree(t, 'archive', FILES);
  const { page, gate } = await open(t, { gated: true });
  let told;
  const held = new Promise((answer) => { told = answer; });
  const asked = new Promise((come) => {
    gate.answer = ({ method, url }) => {
      if (method !== 'GET' || !STATUS.test(url)) return undefined;
      come();
      return held;
    };
  });
  await drop(page, [folder]);
  await asked;
  await until(page, (root) => root.querySelector('.total').dataset.phase === 'following');
  assert.match((await shown(page)).notice, /^4 files arrived \(.*\) in .* The server is processing them; this page may be closed\.$/);
  const stays = await page.evaluate(() => !dispatchEvent(new Event('beforeunload', { cancelable: true })));
  assert.equal(stays, false, 'leaving breaks nothing off');
  assert.equal((await results(page)).shown, false, 'nothing can be found yet');
  assert.deepEqual(await until(page, (root) => [...root.querySelectorAll('.headline [data-command]')].map(({ dataset }) => dataset.command)), [], 'there is nothing to steer');
  gate.answer = () => undefined;
  told();
  const { notice, rows } = await processed(page);
  assert.match(notice, /3 can be found now; 1 could not be processed\.$/);
  const { status, reason } = rows.find(({ path }) => path === 'archive/cover.png');
  assert.equal(status, 'unprocessed');
  assert.match(reason, /^This kind of file has no text/);
  assert.ok(rows.every((row) => row.path === 'archive/cover.png' || row.status === 'committed'), JSON.stringify(rows));
  await until(page, (root) => root.querySelector('.filters label:last-child .count').textContent === '1');
  assert.match(await until(page, (root) => root.querySelector('.notice ul')?.textContent), /1 file: This kind of file has no text/);
  assert.ok(await until(page, (root) => root.querySelector('[data-command=export]') !== null), 'the list of failures can be saved');
  assert.deepEqual(await until(page, (root) => [...root.querySelectorAll('[data-command=retry], [data-act=retry]')].length || 'none'), 'none', 'trying again would not help');
  assert.equal((await results(page)).count, '3 of 4 documents can be found');
  quiet(page);
});

test('what was uploaded is found while somebody types, the best first; an answer to what is no longer asked is never shown', async (t) => {
  const { page, gate } = await ready(t);
  await page.click('#query');
  for (const text of 'moon') await page.send('Input.insertText', { text });
  await told(page, /Documents found/);
  assert.equal(searches(gate), 1, 'typed in one go, it is asked once');
  const { hits } = await results(page);
  assert.deepEqual(hits.slice(0, 2).map(({ path }) => path).sort(), ['archive/harbour/table.txt', 'archive/tides.md']);
  assert.match(hits.find(({ path }) => path === 'archive/tides.md').snippet, /The moon pulls the sea/);
  assert.deepEqual(hits[0].marked, ['moon']);

  // The answer to the first waits until the second has its own.
  let late;
  gate.answer = ({ url }) => {
    if (url !== '/v1/search' || late) return undefined;
    return new Promise((answer) => { late = answer; });
  };
  await type(page, 'harbour');
  while (!late) await new Promise((next) => setTimeout(next, 20));
  await type(page, 'flour and salt');
  await page.waitFor(() => document.querySelector('#results ol .link')?.title === 'archive/bread.html');
  late();
  // That nothing comes of it can only be watched for a while.
  await new Promise((watched) => setTimeout(watched, 500));
  assert.equal((await results(page)).hits[0].path, 'archive/bread.html');
  gate.answer = () => undefined;

  await type(page, '');
  await page.evaluate(() => { const query = document.querySelector('#query'); query.value = ''; query.dispatchEvent(new Event('input')); });
  const empty = await results(page);
  assert.deepEqual([empty.hits, empty.told], [[], '']);
  quiet(page);
});

test('a search that finds nothing, or fails, says so, and can be tried again', async (t) => {
  const { page, gate } = await ready(t);
  gate.answer = ({ url }) => (url === '/v1/search' ? 403 : undefined);
  await type(page, 'moon');
  await told(page, /^The search failed: .+Try again$/);
  gate.answer = () => undefined;
  await key(page, 'Tab', 9);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Try again');
  await key(page, 'Enter', 13);
  await told(page, /Documents found/);

  const folder = await tree(t, 'pictures', { 'one.png': PICTURE, 'two.png': Buffer.concat([PICTURE, PICTURE]) });
  await drop(page, [folder]);
  await page.waitFor(() => /^None of these documents/.test(document.querySelector('#results-count').textContent));
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector('#results search')).display), 'none');
});

test('a document is opened as what it is, nothing of it runs, and it is saved byte for byte', async (t) => {
  const downloads = await scratch(t);
  const { page, browser } = await ready(t);
  await browser.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: downloads, eventsEnabled: true });
  await browser.send('Target.setDiscoverTargets', { discover: true });
  await type(page, 'flour in the cellar');
  await page.waitFor(() => document.querySelector('#results ol .link')?.title === 'archive/bread.html');

  const opened = new Promise((come) => browser.on('Target.targetInfoChanged', ({ targetInfo }) => { if (targetInfo.url.startsWith('blob:')) come(targetInfo.targetId); }));
  await page.click('#results ol .link');
  const { sessionId } = await browser.send('Target.attachToTarget', { targetId: await opened, flatten: true });
  const look = "new Promise((come) => { const look = () => come([document.contentType, document.title, document.body.textContent, opener]); document.readyState === 'complete' ? look() : addEventListener('load', look); })";
  const { result } = await browser.send('Runtime.evaluate', { expression: look, awaitPromise: true, returnByValue: true }, sessionId);
  assert.deepEqual(result.value, ['text/plain', '', FILES['bread.html'], null]);

  const saved = new Promise((come) => browser.on('Browser.downloadProgress', ({ state }) => { if (state === 'completed') come(); }));
  await page.click('#results ol button.icon');
  await saved;
  assert.deepEqual(await readdir(downloads), ['bread.html']);
  assert.equal(await readFile(join(downloads, 'bread.html'), 'utf8'), FILES['bread.html']);
  quiet(page);
});

test('a document that is gone is said to be', async (t) => {
  const { page, server } = await ready(t);
  await type(page, 'tide table');
  await page.waitFor(() => document.querySelector('#results ol .link')?.title === 'archive/harbour/table.txt');
  for await (const { id, path } of server.list(`/v1/batches/${await server.newestBatch()}/documents`, 'documents')) {
    if (path === 'archive/harbour/table.txt') (await server.request(`/v1/documents/${id}`, { method: 'DELETE' })).resume();
  }
  await page.click('#results ol .link');
  await told(page, /^archive\/harbour\/table\.txt could not be opened: /);
});

test('verified by keyboard alone: all is well, then what was damaged on the disk is named', async (t) => {
  const data = await scratch(t);
  const { page } = await ready(t, { serverOptions: { data } });
  await page.evaluate(() => document.querySelector('#query').focus());
  await key(page, 'Tab', 9, 8); // Back to the button before it.
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Verify');
  await key(page, 'Enter', 13);
  await verdict(page, /^All is well, but for what could not be processed\.$/);
  const { checks } = await results(page);
  assert.deepEqual(Object.entries(checks).map(([name, [tone]]) => [name, tone]), [['Stored', 'good'], ['Embedded', 'good'], ['Found', 'good'], ['Failed', 'warn']]);
  assert.match(checks.Stored[1], /^4 of 4 documents; \d+ bytes compared/);
  assert.match(checks.Embedded[1], /^3 of 3 pieces of text, as 256 numbers each; damaged: 0$/);
  assert.match(checks.Found[1], /^3 of 3 documents/);
  assert.equal(checks.Failed[1], '1 of 4 documents could not be processed (25%)');
  await audit(t, page, 'verified');

  const packs = join(data, 'packs');
  for (const name of await readdir(packs)) {
    const bytes = await readFile(join(packs, name));
    const at = bytes.indexOf('The moon pulls');
    if (at < 0) continue;
    bytes.write('A', at);
    await writeFile(join(packs, name), bytes);
  }
  await key(page, 'Enter', 13);
  await verdict(page, /^Not all is well\.$/);
  const { checks: { Stored: [tone, text] }, listed } = await results(page);
  assert.equal(tone, 'bad');
  assert.match(text, /^3 of 4 documents/);
  assert.deepEqual(listed.map(([path]) => path), ['archive/tides.md']);
  await audit(t, page, 'damaged');
  quiet(page);
});

test('verified while documents wait to be processed: not all is well yet', async (t) => {
  const provider = await Provider.start();
  t.after(() => provider.close());
  let goOn;
  const rest = new Promise((go) => { goOn = go; });
  // A worker takes 32 documents at most, and writes them together; of those there are questions, too.
  const known = new Set();
  provider.answer = (text) => {
    const [number] = /\d+\D*$/.exec(text);
    return known.has(number) || known.size < 32 ? void known.add(number) : rest;
  };
  const folder = await tree(t, 'archive', Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`${i}.txt`, `This is the text of number ${i}.`])));
  const { page } = await open(t, { serverOptions: { flags: provider.flags } });
  await drop(page, [folder]);
  await page.waitFor(() => /^[1-9]\d* of 40 /.test(document.querySelector('#results-count').textContent));
  await page.click('#verify button');
  await verdict(page, /^All is well/);
  const [text, tone] = await page.evaluate(() => [document.querySelector('#verify [role=status]').textContent, document.querySelector('#verify [role=status]').dataset.tone]);
  assert.match(text, /^All is well so far; documents still to be processed: [1-9]\d*\.$/);
  assert.equal(tone, 'warn');
  goOn();
  await processed(page);
  await page.click('#verify button');
  await verdict(page, /^All is well\.$/);
  quiet(page);
});

test('what failed of something that passed is tried again: one by one, or all together', async (t) => {
  const provider = await Provider.start();
  t.after(() => provider.close());
  provider.answer = () => 503;
  const { page } = await ready(t, { serverOptions: { flags: provider.flags } });
  await until(page, (root) => root.querySelectorAll('[data-status=unprocessed]').length === 4 && root.querySelectorAll('[data-act=retry]').length === 3);
  assert.match((await shown(page)).notice, /0 can be found now; 4 could not be processed\.$/);
  provider.answer = () => undefined;
  await act(page, 'retry', 'archive/tides.md');
  await until(page, (root) => /1 can be found now; 3 could not/.test(root.querySelector('.notice')?.textContent));
  await page.waitFor(() => document.querySelector('#results-count').textContent === '1 of 4 documents can be found');
  await press(page, 'retry');
  await until(page, (root) => /3 can be found now; 1 could not/.test(root.querySelector('.notice')?.textContent));
  assert.deepEqual((await shown(page)).rows.filter(({ status }) => status === 'unprocessed').map(({ path }) => path), ['archive/cover.png']);
  await until(page, (root) => root.querySelector('[data-command=retry]') === null);
  quiet(page);
});

test('while something is tried again, more can be, and the page says what goes on', async (t) => {
  const provider = await Provider.start();
  t.after(() => provider.close());
  provider.answer = () => 503;
  const { page } = await ready(t, { serverOptions: { flags: provider.flags } });
  let goOn;
  const held = new Promise((go) => { goOn = go; });
  provider.answer = () => held;
  const goesOn = (root) => /The server is processing them/.test(root.querySelector('.notice')?.textContent) && root.querySelector('.total').dataset.phase === 'following';
  for (const name of ['tides.md', 'bread.html']) {
    await act(page, 'retry', `archive/${name}`);
    await status(page, `archive/${name}`, 'committed');
    await until(page, goesOn);
  }
  assert.match(await until(page, (root) => root.querySelector('[role=status]').textContent), /The server is processing them/, 'it is spoken');
  assert.deepEqual((await shown(page)).rows.filter(({ status }) => status === 'unprocessed').map(({ path }) => path).sort(), ['archive/cover.png', 'archive/harbour/table.txt']);
  goOn();
  await until(page, (root) => /2 can be found now; 2 could not/.test(root.querySelector('.notice')?.textContent));

  const more = new Promise((go) => { goOn = go; });
  provider.answer = () => more;
  await press(page, 'retry');
  await until(page, goesOn);
  assert.equal(await until(page, (root) => root.querySelector('[data-command=retry]') ?? 'none'), 'none', 'all that may help is done');
  goOn();
  await until(page, (root) => /3 can be found now; 1 could not/.test(root.querySelector('.notice')?.textContent));
  quiet(page);
});

test('what was uploaded is searched where it is, whatever target is chosen meanwhile', async (t) => {
  const provider = await Provider.start();
  t.after(() => provider.close());
  let goOn;
  const held = new Promise((go) => { goOn = go; });
  provider.answer = () => held;
  const folder = await tree(t, 'archive', FILES);
  const { page } = await open(t, { serverOptions: { flags: provider.flags } });
  await drop(page, [folder]);
  await until(page, (root) => root.querySelector('.total')?.dataset.phase === 'following');
  await page.evaluate(() => {
    document.querySelector('#target [value=cloudindex]').click();
    for (const [name, value] of [['baseUrl', 'http://127.0.0.1:9'], ['apiKey', 'other']]) document.querySelector(`#cloudindex-${name}`).value = value;
    document.querySelector('#target form').requestSubmit();
  });
  await page.waitFor(() => document.querySelector('#server').textContent === '127.0.0.1:9');
  goOn();
  await processed(page);
  await type(page, 'moon');
  await told(page, /Documents found/);
  quiet(page);
});

test('an element that is taken out of the page follows nothing any more', async (t) => {
  const provider = await Provider.start();
  t.after(() => provider.close());
  provider.answer = () => 503;
  const { page } = await ready(t, { serverOptions: { flags: provider.flags } });
  provider.answer = () => new Promise(() => {});
  await press(page, 'retry');
  const streams = 'navigator.locks.query().then(({ held }) => held.filter(({ name }) => name.includes("events")).length)';
  await page.waitFor(`async () => await ${streams} === 1`);
  await page.evaluate(() => document.querySelector('cloudindex-uploader').remove());
  await page.waitFor(`async () => await ${streams} === 0`, { timeout: 5000 });
});

test('a server that does not tell how far it is: the upload is told, and it can be asked again', async (t) => {
  const folder = await tree(t, 'archive', FILES);
  const { page, gate } = await open(t, { gated: true });
  gate.answer = ({ method, url }) => (method === 'GET' && STATUS.test(url) ? 403 : undefined);
  await drop(page, [folder]);
  await until(page, (root) => /^\s*4 files arrived.*could not be asked\./.test(root.querySelector('.notice')?.textContent));
  gate.answer = () => undefined;
  await press(page, 'retry');
  assert.match((await processed(page)).notice, /3 can be found now; 1 could not be processed\.$/);
});

const LOOKS = [['light', {}], ['low', { height: 560 }], ['dark', { theme: 'dark' }], ['narrow', { width: 390 }], ['narrow, Arabic', { width: 390, language: 'ar' }]];

test('results in every look: nothing wider than the window or on top of something else, and audited', async (t) => {
  const { page } = await ready(t);
  await type(page, 'what does the moon do to the sea?');
  await told(page, /Documents found/);
  await page.click('#verify button');
  await verdict(page, /^All is well/);
  for (const [name, { width = 1200, height = 900, theme = 'system', language = '' }] of LOOKS) {
    await page.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
    await page.evaluate((values) => {
      for (const [name, value] of Object.entries(values)) {
        const field = document.querySelector(`#settings [name=${name}]`);
        field.value = value;
        field.dispatchEvent(new Event('change', { bubbles: true }));
      }
    }, { theme, language });
    await page.waitFor((lang) => document.documentElement.lang === lang && document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.base').lang === lang, { args: [language || 'en'] });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name}: wider than the window`);
    const list = await until(page, (root) => ['.frame', '.footer'].map((part) => root.querySelector(part).getBoundingClientRect()).map(({ top, bottom, height }) => ({ top, bottom, height })));
    assert.ok(list[0].bottom <= list[1].top && list[0].height >= 160, `${name}: the list runs over what is below it: ${JSON.stringify(list)}`);
    await audit(t, page, `results, ${name}`);
  }
  quiet(page);
});
