// npm run corpus -- DIR [--input]: uploads a folder from headless Chromium through the page, as one drop (or, with --input,
// as one choice in the folder dialogue), compares every file on the server with its source, and prints the figures as JSON.
import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { resolve } from 'node:path';
import { Chromium } from '../tests/e2e/cdp.mjs';
import { chooseFolder, drop, finished } from '../tests/e2e/element.mjs';
import { ready } from '../tests/e2e/harness.mjs';
import { watchMemory } from '../tests/e2e/memory.mjs';
import { Page } from '../tests/e2e/page.mjs';
import { countRequests, liveness, requests, watch } from '../tests/e2e/probe.mjs';
import { Server, UPLOAD_ALONE } from '../tests/e2e/server.mjs';
import { compare, filesOf } from '../tests/e2e/verify.mjs';
import { build } from './lib/build.mjs';
import { Complaint, command } from './lib/run.mjs';
import { chromium } from './lib/tools.mjs';

const HOURS = 6; // an upload that takes longer has stopped

await command(async (args) => {
  const { folder, how } = options(args);
  await chromium();
  await build();
  const sources = await filesOf(folder);
  const server = await Server.start(UPLOAD_ALONE);
  const browser = await Chromium.launch();
  try {
    const figures = await upload(server, browser, folder, how);
    const checked = await compare(server, await server.newestBatch(), sources);
    const differing = ['missing', 'extra', 'different'].map((kind) => [kind, checked[kind].length]);
    console.log(JSON.stringify({ ...figures, files: checked.files, bytes: checked.bytes, ...Object.fromEntries(differing) }, undefined, 2));
    for (const [kind, number] of differing) {
      if (number > 0) console.error(`${kind}: ${checked[kind].slice(0, 20).map((path) => JSON.stringify(path)).join(', ')}`);
    }
    if (differing.some(([, number]) => number > 0) || checked.files !== sources.size) {
      throw new Complaint(`the server does not hold what ${folder} holds: ${sources.size} files`);
    }
  } finally {
    await browser.close();
    await server.stop();
  }
});

function options(args) {
  const usage = new Complaint('usage: npm run corpus -- DIR [--drop | --input]');
  let parsed;
  try {
    parsed = parseArgs({ args, allowPositionals: true, options: { drop: { type: 'boolean' }, input: { type: 'boolean' } } });
  } catch {
    throw usage;
  }
  const { values, positionals } = parsed;
  if (positionals.length !== 1 || (values.drop && values.input)) throw usage;
  const folder = resolve(positionals[0]);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw new Complaint(`${folder} is no folder`);
  return { folder, how: values.input ? 'input' : 'drop' };
}

async function upload(server, browser, folder, how) {
  const page = await Page.open(browser, `${server.url}/`);
  await ready(page);
  await watch(page);
  await countRequests(page);
  const memory = watchMemory(browser.pid);
  const started = performance.now();
  if (how === 'drop') await drop(page, [folder]);
  else await chooseFolder(page, folder);
  const { notice } = await finished(page, HOURS * 3_600_000);
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  return { how, seconds, requests: await requests(page), ...(await liveness(page)), ...(await memory.stop()), notice };
}
