// npm run reliability [-- MEASURE …]: the figures behind the promises of docs/reliability.md, each with the check that it
// holds. Measures: browser-kills, server-kills, redrop, edit. Prints a table of each.
import { build, proxy } from './lib/build.mjs';
import { Complaint, command, seconds } from './lib/run.mjs';
import { chromium } from './lib/tools.mjs';

const MEASURES = ['browser-kills', 'server-kills', 'redrop', 'edit'];

await command(async (words) => {
  const unknown = words.filter((word) => !MEASURES.includes(word));
  if (unknown.length > 0) throw new Complaint(`there is no ${unknown.join(', ')}; there are ${MEASURES.join(', ')}`);
  await chromium();
  await build();
  await proxy();
  let failed = 0;
  for (const name of words.length > 0 ? words : MEASURES) {
    const { default: measure } = await import(`../tests/reliability/${name}.mjs`);
    const began = performance.now();
    console.log(`\n== ${name}`);
    try {
      console.table(await measure());
    } catch (error) {
      failed += 1;
      console.error(`-- ${name} FAILED: ${error.stack}`);
    }
    console.log(`-- ${name}: ${seconds(began)}`);
  }
  if (failed > 0) throw new Complaint(`${failed} of them failed`);
});
