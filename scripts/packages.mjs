// npm run packages [-- WORD … | --built]: the packed package as its users meet it. Linted, type-checked, installed into fresh projects and
// examples, built by their own bundlers, and uploading in Chromium; with words, only tests whose name has one of them. Prints a table of
// what ran. `--built`: dist/ and server as they are, and no Rust needed.
import { join } from 'node:path';
import { run as runTests } from 'node:test';
import { spec } from 'node:test/reporters';
import { build, files } from './lib/build.mjs';
import { Complaint, ROOT, command, seconds } from './lib/run.mjs';
import { chromium, packages, rust } from './lib/tools.mjs';

await command(async (given) => {
  const started = performance.now();
  const words = given.filter((word) => word !== '--built');
  await packages();
  await chromium();
  if (!given.includes('--built')) {
    await rust();
    await build();
  }
  const tests = (await files(join(ROOT, 'tests/package'))).filter((path) => path.endsWith('.test.mjs'));
  const names = words.map((word) => new RegExp(word.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'i'));
  const outcomes = await play(tests, names);
  if (outcomes.length === 0) throw new Complaint(`no test has a name with ${words.join(' or ')}`);
  const width = Math.max(...outcomes.map(({ name }) => name.length));
  console.log();
  for (const { name, kind, took } of outcomes) console.log(`${name.padEnd(width)}  ${kind.padEnd(7)}  ${took}`);
  const count = (wanted) => outcomes.filter(({ kind }) => kind === wanted).length;
  console.log(`\n${count('passed')} passed, ${count('FAILED')} failed, ${count('skipped')} skipped, in ${seconds(started)}`);
  if (count('FAILED') > 0) process.exitCode = 1;
});

/** Runs them one at a time: each has a browser or a bundler, on two cores. */
async function play(paths, names) {
  const outcomes = [];
  const tests = runTests({ files: paths, concurrency: 1, timeout: 300_000, ...(names.length > 0 && { testNamePatterns: names }) });
  // Files are tests too, for the runner: they count when they fail by themselves.
  const isFile = (name) => paths.some((path) => path.endsWith(name));
  const tell = (name, kind, { duration_ms }) => outcomes.push({ name, kind, took: `${(duration_ms / 1000).toFixed(1)} s` });
  tests.on('test:pass', ({ name, skip, details }) => {
    if (isFile(name) || (skip !== undefined && names.length > 0 && !names.some((wanted) => wanted.test(name)))) return;
    tell(name, skip === undefined ? 'passed' : 'skipped', details);
  });
  tests.on('test:fail', ({ name, details }) => {
    if (!isFile(name) || details.error?.failureType !== 'subtestsFailed') tell(name, 'FAILED', details);
  });
  tests.compose(spec).pipe(process.stdout, { end: false });
  await new Promise((end) => tests.once('end', end));
  return outcomes;
}
