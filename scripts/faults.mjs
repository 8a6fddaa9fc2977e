// npm run faults [-- WORD …]: one scenario a fault, each in Chromium, through the fault proxy, against the real server; with
// words, those whose name has one of them. Prints what each cost, as a table.
import { join } from 'node:path';
import { run as runTests } from 'node:test';
import { spec } from 'node:test/reporters';
import { build, files, proxy } from './lib/build.mjs';
import { Complaint, ROOT, command, run, seconds } from './lib/run.mjs';
import { chromium, packages, rust } from './lib/tools.mjs';

await command(async (words) => {
  const started = performance.now();
  await rust();
  await packages();
  await chromium();
  await build();
  await proxy();

  const scenarios = (await files(join(ROOT, 'tests/faults'))).filter((path) => path.endsWith('.test.mjs'));
  const names = words.map((word) => new RegExp(word.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'i'));
  const { rows, passed, failed } = await play(scenarios, names);
  if (passed + failed === 0) throw new Complaint(`no scenario has a name with ${words.join(' or ')}`);
  table(rows);
  console.log(`\n${passed} passed, ${failed} failed, in ${seconds(started)}`);
  if (failed > 0) process.exitCode = 1;
});

/** Runs them one at a time: each drives a browser of its own, on two cores. */
async function play(scenarios, names) {
  const rows = new Map();
  const result = { passed: 0, failed: 0 };
  const row = (fault) => rows.get(fault) ?? rows.set(fault, { fault }).get(fault);
  const tests = runTests({ files: scenarios, concurrency: 1, ...(names.length > 0 && { testNamePatterns: names }) });
  // A scenario says what it cost (settle in tests/faults/world.mjs); the runner says how it went. Files are tests too, for it.
  const ended = (outcome) => ({ name, file, skip, details }) => {
    if (skip !== undefined || name === file || scenarios.includes(name) || details.type === 'suite') return;
    result[outcome] += 1;
    Object.assign(row(name), { outcome, seconds: details.duration_ms / 1000 });
  };
  tests.on('test:pass', ended('passed'));
  tests.on('test:fail', ended('failed'));
  tests.on('test:diagnostic', ({ message }) => {
    if (!message.startsWith('fault ')) return;
    const { fault, ...figures } = JSON.parse(message.slice('fault '.length));
    Object.assign(row(fault), figures);
  });
  tests.compose(spec).pipe(process.stdout, { end: false });
  await new Promise((end) => tests.once('end', end));
  return { rows: [...rows.values()], ...result };
}

function table(rows) {
  const heads = ['fault', 'seconds', 'source bytes', "server's bytes", 'excess', 'explained', ''];
  const number = (value) => (value === undefined ? '' : value.toLocaleString('en'));
  const lines = rows.map(({ fault, seconds, source, received, most, outcome }) => [
    fault, seconds?.toFixed(1) ?? '', number(source), number(received),
    received === undefined ? '' : number(received - source), number(most), outcome === 'passed' ? '' : outcome ?? 'not over',
  ]);
  const widths = heads.map((head, i) => Math.max(head.length, ...lines.map((line) => line[i].length)));
  console.log();
  for (const line of [heads, ...lines]) {
    console.log(line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ').trimEnd());
  }
}
