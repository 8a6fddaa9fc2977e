// npm test: everything there is, in the order in which a mistake shows soonest. The first failure ends it; what was not run
// then is counted and named. `npm test -- WORD …` runs only the steps whose names have one of the words.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { schemathesis } from './contract/tool.mjs';
import { build, files, proxy } from './lib/build.mjs';
import { model } from './lib/model.mjs';
import { Complaint, ROOT, command, run, seconds } from './lib/run.mjs';
import { chromium, packages, rust } from './lib/tools.mjs';

const WASM = 'wasm32-unknown-unknown';
const SEED = '../shared/seed/batch-processing.md'; // beside the founders' checkout, not in a clone
const cargo = (args, env) => run('cargo', args, { env });
const node = (...args) => run(process.execPath, args);
const script = (name, ...args) => node(`scripts/${name}.mjs`, ...args);

const STEPS = {
  tools: async () => {
    await rust();
    await packages();
    await chromium();
    await model();
    await schemathesis();
  },
  format: async () => {
    await cargo(['fmt', '--all', '--check']);
    await cargo(['fmt', '--all', '--check', '--manifest-path', 'xtask/Cargo.toml']);
  },
  'types of the facade': () => node('node_modules/typescript/bin/tsc', '-p', 'js'),
  build,
  'no import that a pure engine must not have': imports,
  sizes: () => script('sizes'),
  'size of the element': () => script('element-size'),
  'lint, native': () => cargo(['clippy', '--quiet', '--workspace', '--all-targets', '--', '-D', 'warnings']),
  'lint, wasm32': () =>
    cargo(['clippy', '--quiet', '--target', WASM, '-p', 'cloudindex-uploader', '--all-targets', '--', '-D', 'warnings']),
  'tests, native': () => cargo(['test', '--quiet', '--workspace']),
  'tests of engine and wire, wasm32': engineInWasm,
  simulation: () => script('sim', '--seeds', '20000'),
  'tests of the shell, in Chromium': shellInChromium,
  'the host, in Chromium': async () => run(process.execPath, ['--test', '--test-concurrency=1', ...(await suite('tests/host'))]),
  'units of the facade': async () => run(process.execPath, ['--test', ...(await suite('tests/unit-js'))]),
  'end to end, in Chromium': endToEnd,
  'contract: schemathesis against the server': () => script('contract'),
  'the element, in Chromium': async () => run(process.execPath, ['--test', '--test-concurrency=1', ...(await suite('tests/element'))]),
  'adapters, in Chromium': async () => run(process.execPath, ['--test', '--test-concurrency=1', ...(await suite('tests/adapters'))]),
  'faults, in Chromium': () => script('faults'),
  'docs: what they say of the code, their site in Chromium': async () => {
    await script('docs');
    await run(process.execPath, ['--test', '--test-concurrency=1', ...(await suite('tests/docs'))]);
  },
  // The guide has a server's block: webhooks reach Express in a clone, too, where there is no seed.
  'doctest of the docs': async () => {
    await run(process.execPath, ['--test', ...(await suite('tests/doctest'))]);
    for (const name of ['guide', 'recipes', 'options', 'events', 'errors', 'migration']) await node('tests/doctest/run.mjs', `docs/${name}.md`);
  },
  ...(existsSync(join(ROOT, SEED)) && { 'doctest of the seed': () => script('doctest', SEED) }),
};

await command(async (words) => {
  const started = performance.now();
  const names = Object.keys(STEPS).filter((name) => words.length === 0 || words.some((word) => name.includes(word)));
  if (names.length === 0) throw new Complaint(`no such step; there are: ${Object.keys(STEPS).join('; ')}`);
  const passed = [];
  let failure;
  for (const name of names) {
    console.log(`\n== ${name}`);
    const begun = performance.now();
    try {
      await STEPS[name]();
    } catch (error) {
      failure = error;
      console.error(`-- ${name} FAILED after ${seconds(begun)}: ${error instanceof Complaint ? error.message : error.stack}`);
      break;
    }
    passed.push(`${name}: ${seconds(begun)}`);
    console.log(`-- ${passed.at(-1)}`);
  }
  const left = names.slice(passed.length + (failure ? 1 : 0));
  console.log(`\n${passed.map((line) => `passed   ${line}`).join('\n')}`);
  if (failure) console.log([`FAILED   ${names[passed.length]}`, ...left.map((name) => `not run  ${name}`)].join('\n'));
  console.log(`in ${seconds(started)}\n`);
  console.log(`${passed.length} passed, ${failure ? 1 : 0} failed${left.length > 0 ? `, ${left.length} skipped` : ''}`);
  if (failure) process.exitCode = 1;
});

/** A clock or a random source of the system would come from the module `env`: the engine must have asked for neither. */
async function imports() {
  const module = await WebAssembly.compile(await readFile(join(ROOT, 'dist/cloudindex_uploader_bg.wasm')));
  const modules = [...new Set(WebAssembly.Module.imports(module).map(({ module }) => module))];
  console.log(`imports come from: ${modules.join(', ')}`);
  if (modules.join() !== 'js') {
    throw new Complaint('the release wasm may import from its own glue (“js”, by xtask), and from nothing else');
  }
}

function engineInWasm() {
  const flags = ['-C target-feature=+simd128', '--cfg getrandom_backend="custom"', '-C link-arg=--import-undefined'];
  return cargo(['test', '--quiet', '--target', WASM, '-p', 'cloudindex-engine', '-p', 'cloudindex-wire', '--lib', '--tests'], {
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER: `${process.execPath} ${join(ROOT, 'scripts/lib/wasm-test.mjs')}`,
    // proptest wants seeds from somewhere: wasm-test.mjs gives them.
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: flags.join(' '),
    // These flags are no others' flags: a folder apart keeps cargo from building everything twice.
    CARGO_TARGET_DIR: join(ROOT, 'target/engine-wasm32'),
  });
}

async function shellInChromium() {
  await cargo(['build', '--quiet', '--manifest-path', 'xtask/Cargo.toml', '-p', 'runner']);
  await cargo(['test', '--target', WASM, '-p', 'cloudindex-uploader', '--test', 'web'], {
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER: join(ROOT, 'xtask/target/debug/runner'),
    CHROMEDRIVER: process.env.CHROMEDRIVER ?? '/usr/bin/chromedriver',
    WASM_BINDGEN_TEST_DRIVER_TIMEOUT: '30',
    WASM_BINDGEN_TEST_TIMEOUT: '120',
  });
}

/** One at a time: each drives a browser of its own, on two cores. */
async function endToEnd() {
  await proxy();
  await run(process.execPath, ['--test', '--test-concurrency=1', ...(await suite('tests/e2e'))]);
}

async function suite(folder) {
  const found = (await files(join(ROOT, folder))).filter((path) => path.endsWith('.test.mjs'));
  if (found.length === 0) throw new Complaint(`${folder} has no *.test.mjs`);
  return found;
}
