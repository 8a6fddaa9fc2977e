// What the upload page has around the element: sample files, counters, settings, targets, languages.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../scripts/lib/run.mjs';
import { quiet } from './audit.mjs';
import { choose, drop, finished, phase, shown, until } from './element.mjs';
import { Chromium } from './cdp.mjs';
import { open, ready, tree } from './harness.mjs';
import { Page } from './page.mjs';
import { liveness, watch } from './probe.mjs';
import { Server } from './server.mjs';
import { filesOf, verify } from './verify.mjs';

// To find a page that is dead, not to measure: as in documentation.test.mjs.
const LONGEST_GAP_MS = 2000;

/** What the counters say. */
const counters = (page) => page.evaluate(() => Object.fromEntries(['requests', 'requests-each', 'sent', 'bytes', 'per-request'].map((id) => [id, document.getElementById(id).textContent])));

/** Requests of the upload itself: what else leaves the page only asks. */
const sent = (gate) => gate.seen.filter((request) => request.startsWith('POST ')).length;

/** They are painted a moment after the upload. */
const counted = (page, requests) => page.waitFor((requests) => document.querySelector('#requests').textContent === String(requests), { args: [requests], timeout: 5000 })
  .catch(async () => assert.fail(`${requests} requests went out; the page says ${JSON.stringify(await counters(page))}`));

async function set(page, name, value) {
  await page.evaluate((name, value) => {
    const field = document.querySelector(`#settings [name=${name}]`);
    if (field.type === 'checkbox') field.checked = value;
    else field.value = value;
    field.dispatchEvent(new Event('change', { bubbles: true }));
  }, name, value);
}

async function reload(page) {
  const loaded = page.next('Page.loadEventFired');
  await page.send('Page.reload');
  await loaded;
  await ready(page);
}

test('sample files: readable ones of several kinds arrive, the counters tell what went out, the second time hardly anything does', async (t) => {
  const { server, page, gate } = await open(t, { gated: true });
  await page.click('#samples button');
  const end = await finished(page);
  assert.deepEqual([end.phase, end.count, end.failed], ['complete', '301 of 301', '0']);
  const kinds = new Map();
  let whole = 0;
  for await (const { path, size, id } of server.list(`/v1/batches/${await server.newestBatch()}/documents`, 'documents')) {
    assert.match(path, /^samples\/(?:notes|pages|tables|records)\/[A-Z][a-z ]+ \d+\.(?:md|html|csv|json)$|^samples\/measurements\.csv$/);
    const kind = path.split('.').at(-1);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    whole += size;
    if (path === 'samples/measurements.csv') assert.ok(size > 4_000_000, `${size} bytes`);
    if (kind === 'json') await server.json(`/v1/documents/${id}/content`);
  }
  assert.deepEqual(Object.fromEntries(kinds), { md: 75, html: 75, csv: 76, json: 75 });

  const first = sent(gate);
  await counted(page, first);
  const told = await counters(page);
  assert.equal(told['requests-each'], '301');
  assert.equal(told['per-request'], (301 / first).toFixed(1));
  assert.equal(told.bytes, `${(whole / 1e6).toFixed(1)} MB`);
  assert.ok(first < 30, `${first} requests for 301 files`);
  const bars = await page.evaluate(() => [...document.querySelectorAll('.bar')].map((bar) => Number(bar.style.getPropertyValue('--part'))));
  assert.ok(Math.abs(bars[0] - (100 * first) / 301) < 0.01 && bars[1] === 100 && bars[2] <= 100 && bars[3] === 100, `${bars}`);

  gate.seen.length = 0;
  await page.click('#samples button');
  await phase(page, 'running').catch(() => undefined);
  const again = await finished(page);
  assert.deepEqual([again.count, again.failed], ['301 of 301', '0']);
  assert.match(again.notice, /Nothing had to be sent/);
  await counted(page, sent(gate));
  assert.equal((await counters(page)).sent, '0 bytes');
  quiet(page);
});

test('ten thousand sample files leave the page alive, and a request that is asked again counts again', async (t) => {
  const { page, gate } = await open(t, { gated: true });
  const statuses = [503, undefined, 503];
  gate.answer = ({ method }) => (method === 'POST' ? statuses.shift() : undefined);
  await watch(page);
  await page.click('#samples [value="10000"]');
  await page.click('#samples button');
  const end = await finished(page, 120_000);
  const found = await liveness(page);
  t.diagnostic(`${end.notice} ${JSON.stringify(found)}`);
  assert.deepEqual([end.count, end.failed], ['10,001 of 10,001', '0']);
  assert.ok(found.longestGapMs < LONGEST_GAP_MS, `the page was dead for ${found.longestGapMs} ms`);
  assert.deepEqual(statuses, []);
  await counted(page, sent(gate));
});

test('without a worker the same is counted', async (t) => {
  const { server, page, gate } = await open(t, { gated: true });
  await set(page, 'worker', false);
  await page.inNewWorkers(() => {});
  const folder = await tree(t, 'plain', { 'a.txt': 'a', 'b.txt': 'b' });
  await drop(page, [folder]);
  await finished(page);
  assert.deepEqual(await page.evaluateInWorkers(() => 1), [], 'no worker was started');
  await verify(server, await server.newestBatch(), await filesOf(folder));
  await counted(page, sent(gate));
});

test('settings count for the next upload, are kept, and can be set back', async (t) => {
  const folder = await tree(t, 'some', { 'a.txt': 'a'.repeat(3000), 'b.txt': 'b' });
  const { server, page } = await open(t);
  for (const [name, value] of [['batchName', 'Winter'], ['maxBatchBytes', '2 KB'], ['theme', 'dark'], ['thumbnails', true], ['resume', false]]) await set(page, name, value);
  await set(page, 'concurrency', 65);
  await set(page, 'retryAttempts', 4);
  const kept = () => page.evaluate(() => JSON.parse(localStorage.getItem('cloudindex-page')));
  const wanted = { batchName: 'Winter', maxBatchBytes: '2 KB', retryAttempts: 4, resume: false, thumbnails: true, theme: 'dark' };
  assert.deepEqual(await kept(), wanted, 'what is out of its bounds is not taken');
  await reload(page);
  assert.deepEqual(await kept(), wanted);
  const seen = () => page.evaluate(() => {
    const element = document.querySelector('cloudindex-uploader');
    const fields = [...document.querySelectorAll('#settings .setting :is(input, select)')];
    return {
      fields: Object.fromEntries(fields.map(({ name, type, checked, value }) => [name, type === 'checkbox' ? checked : value])),
      scheme: [document.documentElement, element].map((one) => getComputedStyle(one).colorScheme),
      thumbnails: element.thumbnails,
    };
  });
  assert.deepEqual(await seen(), {
    fields: { batchName: 'Winter', concurrency: '5', maxBatchBytes: '2 KB', retryAttempts: '4', worker: true, resume: false, thumbnails: true, language: '', theme: 'dark' },
    scheme: ['dark', 'dark'], thumbnails: true,
  });
  await drop(page, [folder]);
  const { rows } = await finished(page);
  assert.equal((await server.json(`/v1/batches/${await server.newestBatch()}`)).name, 'Winter');
  assert.equal(rows.find(({ path }) => path === 'some/a.txt').status, 'rejected', 'a file over the size of a group');

  await page.evaluate(() => document.querySelector('#settings [type=reset]').click());
  assert.deepEqual(await kept(), {});
  await page.waitFor(() => document.querySelector('#settings [name=batchName]').value === '');
  assert.deepEqual(await seen(), {
    fields: { batchName: '', concurrency: '5', maxBatchBytes: '', retryAttempts: '3', worker: true, resume: true, thumbnails: false, language: '', theme: 'system' },
    scheme: ['light dark', 'light dark'], thumbnails: false,
  });
  quiet(page);
});

test('the defaults that the page shows are those of the options', async () => {
  const { SETTINGS } = await import(join(ROOT, 'www/settings.js'));
  const text = await readFile(join(ROOT, 'docs/options.md'), 'utf8');
  const documented = (name) => new RegExp(`^\\| \`${name}\` \\|[^|]*\\| ([^|]*) \\|`, 'm').exec(text)[1].trim();
  assert.equal(String(SETTINGS.concurrency.preset), documented('concurrency'));
  assert.equal(String(SETTINGS.retryAttempts.preset), documented('retryAttempts'));
  assert.equal(documented('maxBatchBytes'), 'none');
  assert.equal(documented('worker'), `\`${SETTINGS.worker.preset}\``);
});

test('another server: by address and key, which alone is not kept', async (t) => {
  const folder = await tree(t, 'there', { 'a.txt': 'a' });
  const { server, page, gate } = await open(t, { gated: true });
  const other = await Server.start(['--allow-origin', gate.url, '--api-key', 'other-key']);
  t.after(() => other.stop());
  const give = (baseUrl, apiKey) => page.evaluate((baseUrl, apiKey) => {
    document.querySelector('#target').open = true;
    document.querySelector('#target [value=cloudindex]').click();
    document.querySelector('#cloudindex-baseUrl').value = baseUrl;
    document.querySelector('#cloudindex-apiKey').value = apiKey;
    document.querySelector('#target .fields:not([hidden]) button').click();
  }, baseUrl, apiKey);
  await give(other.url, 'other-key');
  await page.waitFor((host) => document.querySelector('#server').textContent === host, { args: [new URL(other.url).host] });
  await drop(page, [folder]);
  assert.equal((await finished(page)).count, '1 of 1');
  await verify(other, await other.newestBatch(), await filesOf(folder));
  await assert.rejects(server.newestBatch(), /no batch/);
  assert.ok(Number((await counters(page)).requests) >= 2, 'those to another origin count too');

  await give(other.url, 'wrong');
  await drop(page, [folder]);
  await until(page, (root) => root.querySelector('.notice')?.textContent.includes('does not accept the key'));
  await page.waitFor(() => document.activeElement.id === 'cloudindex-apiKey');

  await page.evaluate(() => { document.querySelector('#target [value=here]').click(); document.querySelector('#target .fields:not([hidden]) button').click(); });
  await drop(page, [folder]);
  assert.equal((await finished(page)).count, '1 of 1');
  await verify(server, await server.newestBatch(), await filesOf(folder));

  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  assert.ok(stored.includes(other.url.slice(7)) && !stored.includes('wrong') && !stored.includes('other-key'), stored);
  await reload(page);
  assert.equal(await page.evaluate(() => document.querySelector('#cloudindex-baseUrl').value), other.url);
});

test('a server that tells no key is asked for it, and nothing is lost before', async (t) => {
  const folder = await tree(t, 'mine', { 'a.txt': 'a' });
  // The key is told to this machine alone: by another name it is not.
  const server = await Server.start();
  const browser = await Chromium.launch({ flags: ['--host-resolver-rules=MAP page.test 127.0.0.1'] });
  t.after(async () => {
    await browser.close();
    await server.stop();
  });
  const page = await Page.open(browser, `http://page.test:${new URL(server.url).port}/`);
  await page.waitFor(() => document.activeElement?.id === 'key-field');
  assert.ok(await page.evaluate(() => document.querySelector('#samples button').disabled));
  await page.drop('h1', [folder]);
  await page.waitFor(() => /Give the API key first/.test(document.querySelector('#trouble').textContent));
  const give = (key) => page.evaluate((key) => {
    document.querySelector('#key-field').value = key;
    document.querySelector('#key button').click();
  }, key);
  await give('wrong');
  await ready(page);
  await choose(page, [join(folder, 'a.txt')]);
  await page.waitFor(() => !document.querySelector('#key').hidden && document.activeElement.id === 'key-field');
  await give('test-key');
  await ready(page);
  await page.drop('h1', [folder]); // beside the element
  await until(page, (root) => root.querySelector('.name')?.title === 'mine/a.txt');
  assert.equal((await finished(page)).count, '1 of 1');
  await verify(server, await server.newestBatch(), await filesOf(folder));
});

test('every language has every text, and the page speaks each of them', async (t) => {
  const { page } = await open(t);
  const texts = await page.evaluate(async () => {
    const all = {};
    for (const language of ['en', 'de', 'ja', 'ar']) all[language] = (await import(`/words/${language}.js`)).words;
    return { all, here: [...document.querySelectorAll('[data-say]')].map((one) => one.dataset.say) };
  });
  const wanted = [...new Set([...Object.keys(texts.all.en), ...texts.here])].sort();
  const places = (text) => [...String(text).matchAll(/\{\w+\}/g)].map(([place]) => place).sort();
  for (const language of ['de', 'ja', 'ar']) {
    const words = texts.all[language];
    assert.deepEqual(Object.keys(words).sort(), wanted, language);
    for (const name of Object.keys(texts.all.en)) assert.deepEqual(places(words[name]), places(texts.all.en[name]), `${language} ${name}`);
    await set(page, 'language', language);
    await page.waitFor((title, lead) => document.title === title && document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.lead').textContent === lead, { args: [words.title, words.strings.dropTitle] });
    const { dir, lang, said } = await page.evaluate(() => ({ dir: document.dir, lang: document.documentElement.lang, said: document.querySelector('#samples-title').textContent }));
    assert.deepEqual([dir, lang, said], [language === 'ar' ? 'rtl' : 'ltr', language, words.samples]);
  }
  await reload(page);
  assert.equal(await page.evaluate(() => document.dir), 'rtl');
  assert.equal((await shown(page)).phase, 'idle');
  quiet(page);
});

test('what is around the element is worked by the keyboard, in the order in which it stands', async (t) => {
  const { page } = await open(t);
  const press = async (key, code) => {
    const text = key === 'Enter' ? '\r' : undefined;
    for (const type of [text ? 'keyDown' : 'rawKeyDown', 'keyUp']) await page.send('Input.dispatchKeyEvent', { type, text, key, code: key, windowsVirtualKeyCode: code });
  };
  const stops = [];
  for (let i = 0; i < 12; i++) {
    await press('Tab', 9);
    stops.push(await page.evaluate(() => {
      const one = document.activeElement;
      return one.closest('[id]')?.id || one.localName;
    }));
  }
  const order = stops.filter((stop, i) => stop !== stops[i - 1]).join(' ');
  assert.match(order, /cloudindex-uploader samples .*target settings/, order);
  await page.evaluate(() => document.querySelector('#target summary').focus());
  await press('Enter', 13);
  assert.ok(await page.evaluate(() => document.querySelector('#target').open));
});
