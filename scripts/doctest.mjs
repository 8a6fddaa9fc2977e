// npm run doctest -- FILE.md …: runs a document's JavaScript blocks in Chromium against a real server.
import { build } from './lib/build.mjs';
import { Complaint, command, run } from './lib/run.mjs';
import { chromium } from './lib/tools.mjs';

await command(async (args) => {
  if (args.length === 0) throw new Complaint('usage: npm run doctest -- FILE.md …');
  await chromium();
  await build();
  await run(process.execPath, ['tests/doctest/run.mjs', ...args]);
});
