// docs/options.md against the code: every option that is read, its range, its default.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codes, rows, source } from './tables.mjs';

/** Said by the facade, or words of the flat kind that stand in a paragraph of their own. */
const INTERNAL = ['refresh'];

const text = await source('docs/options.md');
const documented = new Map(rows(text).filter(([name]) => codes(name).length === 1).map(([name, ...cells]) => [codes(name)[0], cells]));
const flat = codes(/^## Flat names\n([\s\S]*?)^## /m.exec(text)[1]);
const config = await source('crates/engine/src/config.rs');
const read = await arms();

/** `{ names, code }` of each arm of the engine's match over option names. */
async function arms() {
  const body = /fn word\(&mut self[\s\S]*?match path \{([\s\S]*?)\n {12}_ if/.exec(await source('crates/engine/src/options.rs'))[1];
  const found = body.split(/^(?= {12}")/m).map((arm) => {
    const [, names, code] = /^((?:\s*\|?\s*"[\w.]+")+)\s*=>([\s\S]*)$/.exec(arm) ?? [];
    return names && { names: [...names.matchAll(/"([\w.]+)"/g)].map(([, name]) => name), code };
  });
  return found.filter(Boolean);
}

/** A field of `Config::default()`, as the page writes it. */
function standard(field) {
  const value = new RegExp(`^ {12}${field}: (.+),$`, 'm').exec(/fn default[\s\S]*/.exec(config)[0])?.[1];
  assert.ok(value, `Config has no ${field}`);
  const mebibytes = /^(\d+) \* MIB/.exec(value);
  if (mebibytes) return `${mebibytes[1]} MiB`;
  if (/^[\d_.]+$/.test(value)) return figure(Number(value.replaceAll('_', '')));
  const words = { None: 'none', 'Vec::new()': 'none', 'GroupBy::Order': 'as they come', 'Tracking::Off': '`false`', 'String::new()': "the page's origin" };
  assert.ok(value in words, `the default ${value} of ${field} has no word`);
  return words[value];
}

/** From 10,000 on with commas, as `1000` elsewhere on the page. */
const figure = (number) => (number < 10_000 ? String(number) : number.toLocaleString('en'));
const loose = (said) => said.replaceAll(',', '');

test('every option that the engine reads is documented, and every documented one is read', async () => {
  assert.ok(read.length > 25, `${read.length} arms`);
  const names = read.flatMap((arm) => arm.names).filter((name) => !INTERNAL.includes(name));
  assert.deepEqual(names.filter((name) => !documented.has(name) && !flat.includes(name)), []);
  const known = /const KNOWN = new Set\(\[(.*?)\]\)/.exec(await source('js/connection.ts'))[1];
  const client = [...known.matchAll(/'(\w+)'/g)].map(([, name]) => name);
  assert.deepEqual(client.filter((name) => !documented.has(name)), []);
  // The facade's own.
  const facade = ['target', 'autoStart', 'metadata'];
  const tables = ['The server', 'The batch', 'The upload', '`processing`', '`limits`', '`retryStrategy`', '`memory`, `network`, `tracking`'];
  const told = tables.flatMap((heading) => rows(text, heading)).flatMap(([name]) => codes(name));
  assert.deepEqual(told.filter((name) => ![...names, ...client, ...facade].includes(name)), []);
});

test('flat names are those that the engine takes beside the sections', () => {
  const both = read.flatMap(({ names }) => names.filter((name) => !name.includes('.') && names.some((other) => other.endsWith(`.${name}`))));
  assert.deepEqual(flat.toSorted(), both.filter((name) => !documented.has(name)).toSorted());
});

test('ranges and defaults are those of the code', () => {
  let checked = 0;
  for (const { names, code } of read) {
    const [, least, most] = /whole\(value, ([\d_]+), (?:u64::from\()?(u32::MAX|[\d_]+)/.exec(code) ?? [];
    const field = /config\.(\w+)(?:\.extend\(| = )/.exec(code)?.[1] ?? (code.includes('self.concurrency') ? 'concurrency' : undefined);
    for (const name of names.filter((one) => documented.has(one))) {
      const [takes, value] = documented.get(name);
      if (least) {
        const range = `${least} to ${(most === 'u32::MAX' ? 2 ** 32 - 1 : Number(most.replaceAll('_', ''))).toString()}`;
        assert.ok(loose(takes).endsWith(range), `${name} takes “${takes}”, the code ${range}`);
      }
      if (!field || ['token', 'journal', 'base_url'].includes(field)) continue;
      // What only the server is told has the server's default.
      assert.equal(loose(value), loose(standard(field)), name);
      checked++;
    }
  }
  assert.ok(checked > 20, `${checked} defaults`);
  assert.match(documented.get('memory.maxBufferSize')[0], new RegExp(`at least ${4 * Number(/max: (\d+) \* MIB/.exec(config)[1])} MiB`));
});

test('what is fixed is what the code has', () => {
  const fixed = new Map(rows(text, 'What is fixed'));
  const minutes = Number(standard('patience').replaceAll(',', '')) / 60_000;
  assert.ok([...fixed].some(([name, value]) => name.includes('silent') && value.startsWith(`${minutes} minutes`)));
  const days = /journal_life: (\d+) \* 24 \* 3_600_000/.exec(config)[1];
  assert.equal(fixed.get('a journal expires after'), `${days} days`);
  assert.ok(fixed.get('bytes of a request').startsWith(standard('bundle_bytes')));
  assert.ok(loose(fixed.get('documents of a request')).startsWith(`${loose(standard('bundle_documents'))} `));
  assert.ok(fixed.get('updates to the page').includes(` ${standard('frame')} ms`));
});
