// Words, figures and order, without a browser.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../scripts/lib/run.mjs';
import { source } from './source.mjs';

const names = (await readdir(join(ROOT, 'js/element/locales'))).map((file) => file.replace('.ts', '')).sort();
const locales = Object.fromEntries(await Promise.all(names.map(async (name) => [name, (await source(`locales/${name}.ts`)).strings])));

/** Every path to a text; plural forms of one text count as that text. */
function paths(value, prefix = '') {
  if (typeof value === 'string' || 'other' in value) return [prefix];
  return Object.entries(value).flatMap(([key, inner]) => paths(inner, `${prefix}.${key}`));
}

function at(strings, path) {
  return path.split('.').slice(1).reduce((value, key) => value[key], strings);
}

const places = (text) => [...new Set([...text.matchAll(/\{\w+\}/g)].map(([place]) => place))].sort();

test('every locale has the same texts, none of them empty, with the same places to fill in', () => {
  assert.deepEqual(names, ['ar', 'de', 'en', 'ja']);
  const wanted = paths(locales.en).sort();
  assert.ok(wanted.length > 100, `${wanted.length} texts`);
  for (const name of names) {
    assert.deepEqual(paths(locales[name]).sort(), wanted, name);
    for (const path of wanted) {
      const [text, english] = [at(locales[name], path), at(locales.en, path)];
      const forms = typeof text === 'string' ? { other: text } : text;
      for (const [form, words] of Object.entries(forms)) {
        assert.notEqual(words.trim(), '', `${name}${path} ${form}`);
        assert.ok(new Intl.PluralRules(name).resolvedOptions().pluralCategories.includes(form) || form === 'other', `${name}${path}: ${form} is no plural form of ${name}`);
      }
      assert.deepEqual(places(forms.other), places(typeof english === 'string' ? english : english.other), `${name}${path}`);
    }
  }
});

test('a locale says something of its own', () => {
  for (const name of names.filter((name) => name !== 'en')) {
    const same = paths(locales.en).filter((path) => JSON.stringify(at(locales[name], path)) === JSON.stringify(at(locales.en, path)));
    assert.ok(same.length < 10, `${name} has English: ${same.join(', ')}`);
  }
});

test('figures, sizes, times and reasons in words', async () => {
  const { Words } = await source('words.ts');
  const en = new Words(locales.en, 'en');
  assert.deepEqual([en.size(1), en.size(999), en.size(1500), en.size(99_950), en.size(999_600), en.size(3.2e9)], ['1 byte', '999 bytes', '1.5 kB', '100 kB', '1.0 MB', '3.2 GB']);
  assert.equal(en.speed(2_500_000), '2.5 MB/s');
  assert.deepEqual([en.time(0.2), en.time(59.7), en.time(75), en.time(7300)], ['1 sec', '1 min 0 sec', '1 min 15 sec', '2 hr 1 min']);
  assert.deepEqual([en.files(1), en.files(12_345)], ['1 file', '12,345 files']);
  assert.equal(en.percent(99.9), '99%');
  const de = new Words(locales.de, 'de-AT');
  assert.deepEqual([de.size(1500), de.files(1)], ['1,5 kB', '1 Datei']);
  assert.deepEqual([1, 2, 3, 11, 100].map((n) => new Words(locales.ar, 'ar').say(locales.ar.spokenFailed, { n })).length, 5);
  assert.equal(new Words(locales.ar, 'ar').say(locales.ar.spokenFailed, { n: 2 }), 'فشل ملفان');
  assert.equal(new Words(locales.en, 'no such tag!').files(2), '2 files');

  const error = { code: 'file_changed', message: '“a/b.txt” changed', path: 'a/b.txt' };
  assert.deepEqual(en.reason(error), locales.en.reason.file_changed);
  assert.deepEqual(en.reason({ code: 'brand_new', message: '“a/b.txt” is odd', path: 'a/b.txt' }), { why: 'Is odd', fix: '' });
});

test('what a guess of the time left is called', async () => {
  const { Words } = await source('words.ts');
  const en = new Words(locales.en, 'en');
  assert.deepEqual([0.1, 12, 49, 51, 89, 100, 2990, 5000, 8000].map((seconds) => en.about(seconds)), ['10 seconds', '20 seconds', '50 seconds', '1 minute', '1 minute', '2 minutes', '50 minutes', '1 hour', '2 hours']);
  assert.equal(new Words(locales.ar, 'ar').about(120), 'دقيقتان');
});

test('what is told after the upload: what the server does with it, can’t do, has done, or was not heard of', async () => {
  const { told } = await source('notice.ts');
  const { Words } = await source('words.ts');
  const en = new Words(locales.en, 'en');
  const progress = { total: 3, completed: 3, failed: 0, cancelled: 0, bytes: 3000, sentBytes: 3000 };
  const say = (processed, changes = {}, end = {}) => told({ notice: { is: 'over', end: { cancelled: false, progress: { ...progress, ...changes }, ...end }, seconds: 2, missing: 0 }, processed: { failed: 0, ...processed } }, en);
  assert.deepEqual(say({ state: 'unknown' }), { kind: 'good', text: 'All done: 3 files arrived (3.0 kB) in 2 sec.' });
  assert.deepEqual(say({ state: 'under way' }), { kind: 'good', text: '3 files arrived (3.0 kB) in 2 sec. The server is processing them; this page may be closed.' });
  assert.deepEqual(say({ state: 'under way', status: { notice: 'no model' } }), { kind: 'warn', text: '3 files arrived (3.0 kB) in 2 sec. The server can’t process them just now (no model).' });
  assert.deepEqual(say({ state: 'over', status: { processedFiles: 3 } }), { kind: 'good', text: '3 files arrived (3.0 kB) in 2 sec. What arrived can be found now.' });
  assert.deepEqual(say({ state: 'over', status: { processedFiles: 2 }, failed: 1 }), { kind: 'warn', text: '3 files arrived (3.0 kB) in 2 sec. 2 can be found now; 1 could not be processed.' });
  assert.deepEqual(say({ state: 'lost', error: { code: 'connection_error', message: '' } }).text, '3 files arrived (3.0 kB) in 2 sec. What the server makes of them could not be asked. The server does not answer. Check the connection, then retry.');
  assert.deepEqual(say({ state: 'over', status: { processedFiles: 2 } }, { completed: 2, failed: 1 }), { kind: 'bad', text: '2 files arrived; 1 file did not. What arrived can be found now.' });
  // A unit that is shortened with a full stop ends no sentence twice.
  const german = told({ notice: { is: 'over', end: { cancelled: false, progress }, seconds: 2, missing: 0 }, processed: { state: 'over', failed: 0 } }, new Words(locales.de, 'de'));
  assert.match(german.text, /in 2 Sek\. Was ankam/);
});

test('languages are built as lists in the order of English', async () => {
  const listed = (texts, shape) => (typeof shape === 'string' || 'other' in shape ? [texts] : Object.keys(shape).flatMap((key) => listed(texts[key], shape[key])));
  const built = (await readdir(join(ROOT, 'dist'))).filter((name) => /^chunk-.*\.js$/.test(name));
  const lists = (await Promise.all(built.map(async (name) => Object.values(await import(join(ROOT, 'dist', name))).find(Array.isArray)))).filter(Boolean);
  assert.equal(lists.length, names.length - 1);
  for (const name of names.filter((name) => name !== 'en')) assert.ok(lists.some((list) => JSON.stringify(list) === JSON.stringify(listed(locales[name], locales.en))), name);
});

test('own strings replace single texts', async () => {
  const { withOwn } = await source('strings.ts');
  const mine = withOwn(locales.en, { chooseFiles: 'Pick', status: { committed: 'Filed' }, files: { other: '{n} papers' } });
  assert.deepEqual([mine.chooseFiles, mine.status.committed, mine.status.failed, mine.files], ['Pick', 'Filed', 'Failed', { other: '{n} papers' }]);
  assert.equal(locales.en.chooseFiles, 'Choose files');
});

test('the sort is stable, whole, and may be interrupted', async () => {
  const { sorted } = await source('order.ts');
  const keys = Array.from({ length: 5000 }, (_, i) => (i * 7919) % 100);
  const work = sorted(Uint32Array.from(keys, (_, i) => i), (a, b) => keys[a] - keys[b]);
  let pauses = 0;
  let step = work.next();
  for (; !step.done; step = work.next()) pauses++;
  assert.deepEqual([...step.value], keys.map((_, i) => i).sort((a, b) => keys[a] - keys[b]));
  assert.ok(pauses > 20, `${pauses} pauses`);
  for (const length of [0, 1]) assert.equal(sorted(new Uint32Array(length), () => 0).next().value.length, length);
});

test('names in the order that people expect, ASCII or not', async () => {
  const { comparison, namesOf, sorted } = await source('order.ts');
  const run = (work) => { let step = work.next(); while (!step.done) step = work.next(); return step.value; };
  const order = (list) => {
    const names = run(namesOf({ path: (id) => `folder ${9 - id}/${list[id]}` }, list.length));
    const compare = run(comparison(names));
    return [...run(sorted(Uint32Array.from(list, (_, i) => i), (a, b) => compare(names[a], names[b])))].map((id) => list[id]);
  };
  assert.deepEqual(order(['page 10', 'Page 2', 'page 1', 'about']), ['about', 'page 1', 'Page 2', 'page 10']);
  assert.deepEqual(order(['zebra 10', 'Äpfel', 'zebra 9', 'birne']), ['Äpfel', 'birne', 'zebra 9', 'zebra 10']);
});

test('what is listed by state lists every state, and knows how many are paused', async () => {
  const { View } = await source('view.ts');
  const statuses = ['cancelled', 'paused', 'committed', 'failed', 'waiting', 'paused', 'rejected', 'sending', 'duplicate', 'reading'];
  const uploader = { length: statuses.length, rows: { status: (id) => statuses[id], path: (id) => `${id}.txt` } };
  let looked;
  const view = new View(() => looked());
  const look = (query) => new Promise((done) => {
    looked = () => done(Array.from({ length: view.length }, (_, place) => statuses[view.at(place)]));
    view.ask(query);
  });
  view.of(uploader);
  assert.deepEqual(await look({ sort: 'state' }), ['failed', 'rejected', 'sending', 'reading', 'waiting', 'paused', 'paused', 'committed', 'duplicate', 'cancelled']);
  assert.deepEqual(await look({ sort: 'found', filter: 'waiting' }), ['paused', 'waiting', 'paused', 'sending', 'reading']);
  assert.equal(view.paused, 2);
  assert.deepEqual(await look({ search: '4' }), ['waiting']);
  assert.equal(view.paused, 0);
});

test('failures as CSV: quoted, and nothing a spreadsheet would run', async () => {
  const { failuresCsv } = await source('csv.ts');
  const { Words } = await source('words.ts');
  const error = { code: 'file_unreadable', message: 'no "way"', path: 'x' };
  const made = failuresCsv([{ path: '=HYPERLINK("evil")', size: 3, status: 'failed', error }, { path: 'a,b.txt', status: 'rejected', error }, { path: 'c.png', status: 'unprocessed', error: { code: 'unsupported_type', message: '' } }], new Words(locales.en, 'en'));
  let step = made.next();
  while (!step.done) step = made.next();
  const lines = Buffer.from(await step.value.arrayBuffer()).toString().split('\r\n');
  assert.equal(lines[0], '\uFEFFPath,Bytes,State,Code,Reason,What helps,Details');
  assert.ok(lines[1].startsWith(`"'=HYPERLINK(""evil"")",3,Failed,file_unreadable,The browser could not read the file.,`), lines[1]);
  assert.ok(lines[1].endsWith('"no ""way"""'), lines[1]);
  assert.ok(lines[2].startsWith('"a,b.txt",,Refused,'), lines[2]);
  assert.ok(lines[3].startsWith('c.png,,Not processed,unsupported_type,This kind of file'), lines[3]);
});

test('CSV where a semicolon divides, blanks are skipped or signs are wide: still nothing that is run', async () => {
  const { failuresCsv } = await source('csv.ts');
  const { Words } = await source('words.ts');
  const first = async (path) => {
    const made = failuresCsv([{ path, status: 'rejected' }], new Words(locales.en, 'en'));
    let step = made.next();
    while (!step.done) step = made.next();
    return Buffer.from(await step.value.arrayBuffer()).toString().split('\r\n')[1].replace(/,,Refused,,,,$/, '');
  };
  assert.equal(await first('a;=1+1;b.txt'), '"a;=1+1;b.txt"');
  assert.equal(await first('a\t=1+1.txt'), '"a\t=1+1.txt"');
  assert.equal(await first(' =1+1'), "' =1+1");
  assert.equal(await first('\n@SUM(1)'), `"'\n@SUM(1)"`);
  assert.equal(await first('＝1＋1'), "'＝1＋1");
  assert.equal(await first('büro/日本 – 🦀.txt'), 'büro/日本 – 🦀.txt');
});

test('imported where there are no elements, it does nothing', async () => {
  const before = Object.getOwnPropertyNames(globalThis).filter((name) => name !== 'customElements');
  const { CloudindexUploader, TAG } = await import(join(ROOT, 'dist/element.js'));
  assert.equal(TAG, 'cloudindex-uploader');
  assert.equal(typeof CloudindexUploader, 'function');
  assert.equal(globalThis.customElements, undefined);
  assert.ok(before.length > 0);
});
