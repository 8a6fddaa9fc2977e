// npm run engines [-- ENGINE … | WORD …] [--built]: the smoke scenarios of tests/engines in Chromium, Firefox and WebKit; of some engines, or of
// scenarios whose name has one of the words. Prints a table of what ran where, and fails if anything did. `--built`: dist/ and server as they are.
import { join } from 'node:path';
import { run as runTests } from 'node:test';
import { spec } from 'node:test/reporters';
import { ENGINES } from '../tests/engines/engines.mjs';
import { build, files } from './lib/build.mjs';
import { Complaint, ROOT, command, seconds } from './lib/run.mjs';
import { browsers } from './lib/tools.mjs';

await command(async (given) => {
  const started = performance.now();
  const words = given.filter((word) => !(word in ENGINES) && word !== '--built');
  const engines = Object.keys(ENGINES).filter((name) => given.includes(name) || !given.some((word) => word in ENGINES));
  await browsers(engines.map((name) => ENGINES[name].programs));
  if (!given.includes('--built')) await build();

  const scenarios = (await files(join(ROOT, 'tests/engines'))).filter((path) => path.endsWith('.test.mjs'));
  const names = words.map((word) => new RegExp(word.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'i'));
  const table = new Map();
  const versions = [];
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const engine of engines) {
    console.log(`\n== ${engine}`);
    const { version, outcomes } = await play(engine, scenarios, names);
    versions.push(version ?? engine);
    for (const [name, { kind, words }] of outcomes) {
      total[kind] += 1;
      if (!table.has(name)) table.set(name, {});
      table.get(name)[engine] = words;
    }
  }
  if (table.size === 0) throw new Complaint(`no scenario has a name with ${words.join(' or ')}`);
  print(table, engines, versions);
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} not possible, in ${seconds(started)}`);
  if (total.failed > 0) process.exitCode = 1;
});

/** Runs them one at a time: each has a browser of its own, on two cores. */
async function play(engine, scenarios, names) {
  process.env.ENGINE = engine; // world.mjs reads it
  const outcomes = new Map();
  let version;
  const tests = runTests({ files: scenarios, concurrency: 1, timeout: 300_000, ...(names.length > 0 && { testNamePatterns: names }) });
  // Files are tests too, for the runner: they count when they fail by themselves.
  const isFile = (name) => scenarios.some((path) => path.endsWith(name));
  tests.on('test:pass', ({ name, skip, details }) => {
    if (isFile(name) || (skip !== undefined && names.length > 0 && !names.some((wanted) => wanted.test(name)))) return;
    // Never counted as passed: what could not be done says why.
    if (skip !== undefined) outcomes.set(name, { kind: 'skipped', words: `can't: ${skip}` });
    else outcomes.set(name, { kind: 'passed', words: `${(details.duration_ms / 1000).toFixed(1)} s` });
  });
  tests.on('test:fail', ({ name, details }) => {
    if (isFile(name) && details.error?.failureType === 'subtestsFailed') return;
    outcomes.set(name, { kind: 'failed', words: 'FAILED' });
  });
  tests.on('test:diagnostic', ({ message }) => {
    version = /^version (.*)/.exec(message)?.[1] ?? version;
  });
  tests.compose(spec).pipe(process.stdout, { end: false });
  await new Promise((end) => tests.once('end', end));
  return { version, outcomes };
}

function print(table, engines, versions) {
  const lines = [...table].map(([name, by]) => [name, ...engines.map((engine) => by[engine] ?? 'did not run')]);
  const heads = ['scenario', ...versions];
  const widths = heads.map((head, i) => Math.max(head.length, ...lines.map((line) => line[i].length)));
  console.log();
  for (const line of [heads, ...lines]) console.log(line.map((cell, i) => cell.padEnd(widths[i])).join('  ').trimEnd());
}
