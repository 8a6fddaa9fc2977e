// npm run doctest -- FILE.md [--only "Heading,Heading"]
// Runs the JavaScript blocks of a Markdown file in headless Chromium against the real server, each as it stands.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Chromium } from '../e2e/cdp.mjs';
import { Page } from '../e2e/page.mjs';
import { Server } from '../e2e/server.mjs';
import { blocksOf, declared, foreign, functions, isServerSide, moduleOf } from './blocks.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
/** The key that documents write. */
const API_KEY = 'your_api_key';
const BLOCK_TAKES_AT_MOST = 120_000;

/** What a page would have: an input, a drop zone, a bar. */
const HARNESS = `<!doctype html><meta charset="utf-8"><title>doctest</title>
<input type="file" id="files" multiple><div id="drop"></div><progress id="bar" max="100" value="0"></progress><ul id="failures"></ul>`;

const { file, only } = readArguments(process.argv.slice(2));
const all = blocksOf(await readFile(file, 'utf8'));
const isChosen = ({ heading }) => !only || only.includes(heading);
const chosen = all.filter(isChosen);
const missing = (only ?? []).filter((heading) => !all.some((block) => block.heading === heading));
if (missing.length) complain(`No JavaScript block under: ${missing.join(', ')}. There are: ${all.map(({ heading }) => heading).join(', ')}`);
if (chosen.length === 0) complain(`There is no JavaScript block in ${file}.`);

let failed = 0;
let passed = 0;
const server = await Server.start(['--api-key', API_KEY]);
const browser = await Chromium.launch();
try {
  /** Modules that the page may import, by name: the blocks. */
  const modules = new Map();
  const page = await openHarness(modules);
  for (const [index, block] of all.entries()) {
    const where = `${path.basename(file)}:${block.line} ${block.heading}`;
    if (isServerSide(block.code)) {
      if (isChosen(block)) console.log(`-    ${where}: not run (server-side, issue 6)`);
      continue;
    }
    const module = `block-${index}.js`;
    modules.set(module, moduleOf(block.code, '/dist/index.js'));
    const wanted = {
      module: `/doctest/${module}`,
      // One that is not asked for may still declare what a later one uses.
      exercised: isChosen(block),
      functions: functions(block.code),
      declared: declared(block.code),
      foreign: foreign(block.code, declared(block.code)),
    };
    try {
      const notes = await within(page.evaluate((wanted) => globalThis.doctest.run(wanted), wanted), BLOCK_TAKES_AT_MOST);
      if (!isChosen(block)) continue;
      passed++;
      console.log(`ok   ${where}${notes.length ? `: ${notes.join('; ')}` : ''}`);
    } catch (error) {
      if (!isChosen(block)) continue;
      failed++;
      console.log(`FAIL ${where}: ${error.message}`);
    }
  }
} finally {
  await browser.close();
  await server.stop();
}
console.log(`${passed} passed, ${failed} failed, ${chosen.length - passed - failed} not run`);
process.exitCode = failed ? 1 : 0;

/** A page of the server's own origin, so that an upload needs no address. What the server lacks for it is put in here. */
async function openHarness(modules) {
  const page = await Page.open(browser, 'about:blank');
  browser.on('Fetch.requestPaused', ({ requestId, request }) => {
    answer(new URL(request.url).pathname.slice('/doctest/'.length), modules)
      .then(({ type, body }) => page.send('Fetch.fulfillRequest', {
        requestId,
        responseCode: 200,
        responseHeaders: [{ name: 'content-type', value: type }],
        body: Buffer.from(body).toString('base64'),
      }))
      .catch((error) => {
        console.error(`${request.url}: ${error.message}`);
        return page.send('Fetch.failRequest', { requestId, errorReason: 'Failed' });
      });
  });
  await page.send('Fetch.enable', { patterns: [{ urlPattern: `${server.url}/doctest/*` }] });
  await page.goto(`${server.url}/doctest/`);
  await page.evaluate(async (key) => {
    globalThis.doctest = await import('/doctest/harness.js');
    globalThis.doctest.begin(key);
  }, API_KEY);
  return page;
}

async function answer(name, modules) {
  if (name === '') return { type: 'text/html', body: HARNESS };
  return { type: 'text/javascript', body: modules.get(name) ?? await readFile(path.join(here, 'page', name)) };
}

function within(promise, ms) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not over after ${ms / 1000} s`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function readArguments(list) {
  const at = list.indexOf('--only');
  const only = at >= 0 ? list.splice(at, 2)[1]?.split(',').map((heading) => heading.trim()).filter(Boolean) : undefined;
  if (list.length !== 1 || (at >= 0 && !only?.length)) complain('Use: npm run doctest -- FILE.md [--only "Heading,Heading"]');
  return { file: path.resolve(list[0]), only };
}

function complain(message) {
  console.error(message);
  process.exit(2);
}
