// npm run doctest -- FILE.md [--only "Heading,Heading"]
// Runs the JavaScript blocks of a Markdown file against the real server, each as it stands: a page's in headless Chromium, a
// server's in Node, on Express.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { blocksOf, declared, foreign, functions, isServerSide, moduleOf } from './blocks.mjs';
import { ServerSide } from './node/server-side.mjs';
import { World } from './world.mjs';

const BLOCK_TAKES_AT_MOST = 120_000;

const { file, only } = readArguments(process.argv.slice(2));
const all = blocksOf(await readFile(file, 'utf8'));
const isChosen = ({ heading }) => !only || only.includes(heading);
const chosen = all.filter(isChosen);
const missing = (only ?? []).filter((heading) => !all.some((block) => block.heading === heading));
if (missing.length) complain(`No JavaScript block under: ${missing.join(', ')}. There are: ${all.map(({ heading }) => heading).join(', ')}`);
if (chosen.length === 0) complain(`There is no JavaScript block in ${file}.`);

let passed = 0;
let failed = 0;
const world = await World.open();
const serverSide = new ServerSide(world);
try {
  for (const [index, block] of all.entries()) {
    const where = `${path.basename(file)}:${block.line} ${block.heading}`;
    const run = isServerSide(block.code) ? inNode : inPage;
    try {
      // One that is not asked for may still declare what a later one uses.
      const notes = await within(run(block, `block-${index}`, isChosen(block)), BLOCK_TAKES_AT_MOST);
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
  await serverSide.stop();
  await world.close();
}
console.log(`${passed} passed, ${failed} failed, ${chosen.length - passed - failed} not run`);
process.exitCode = failed ? 1 : 0;

function inPage({ code }, name, exercised) {
  const wanted = {
    module: world.module(`${name}.js`, moduleOf(code, '/dist/index.js')),
    exercised,
    functions: functions(code),
    declared: declared(code),
    foreign: foreign(code, declared(code)),
  };
  return world.page.evaluate((wanted) => globalThis.doctest.run(wanted), wanted);
}

function inNode({ code }, name, exercised) {
  return serverSide.run({ code, name, text: moduleOf(code, 'cloudindex-uploader'), foreign: foreign(code, declared(code)), exercised });
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
