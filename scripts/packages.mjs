// npm run packages [-- WORD …]: the packed package as its users meet it. Linted, type-checked, installed into fresh projects and examples,
// built by their own bundlers, and uploading in Chromium; with words, only tests whose name has one of them.
import { join } from 'node:path';
import { build, files } from './lib/build.mjs';
import { ROOT, command, run } from './lib/run.mjs';
import { chromium, packages, rust } from './lib/tools.mjs';

await command(async (words) => {
  await rust();
  await packages();
  await chromium();
  await build();
  const tests = (await files(join(ROOT, 'tests/package'))).filter((path) => path.endsWith('.test.mjs'));
  const named = words.map((word) => `--test-name-pattern=/${word.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}/i`);
  // One at a time: each has a browser or a bundler, on two cores.
  await run(process.execPath, ['--test', '--test-concurrency=1', '--test-timeout=300000', ...named, ...tests]);
});
