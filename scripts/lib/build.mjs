// From the sources to dist/ and the server. Cargo knows best what is stale in Rust, and looks in a fraction of a second;
// what follows it is redone when the content of its inputs changed.
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { ROOT, run, seconds } from './run.mjs';
import { packages, rust } from './tools.mjs';

/** Where cargo puts what it makes. */
export const TARGET = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? 'target');
const WEB = join(TARGET, 'web');
const WASM = join(WEB, 'wasm32-unknown-unknown/web/cloudindex_uploader.wasm');
const GLUE = 'dist/glue';
export const SERVER = join(TARGET, 'release/cloudindex-server');

// Everything that rustc's wasm target switches on by default, and SIMD (.cargo/config.toml).
const FEATURES = [
  'simd', 'bulk-memory', 'bulk-memory-opt', 'sign-ext', 'mutable-globals', 'nontrapping-float-to-int',
  'reference-types', 'multivalue', 'call-indirect-overlong',
];

// A panic is a bug, and its words are a twentieth of the wasm: what is published traps, and the page hears of a
// RuntimeError. For that the standard library is built along, which needs its sources (tools.mjs) and is not stable yet;
// builds by wasm-pack or plain cargo do without, and say what went wrong.
const SMALL_STD = ['-Zbuild-std=std,panic_abort'];
const SMALL_PANICS = '-C target-feature=+simd128 -Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none';

// Functions that are called once stay functions: put into their callers they compress worse.
const SMALLEST = ['-Oz', '--converge', '--one-caller-inline-max-function-size=0', '--strip-producers', '--strip-target-features'];

/** Builds everything: the server beside the page, because between them they keep two cores busy. */
export async function build() {
  const started = performance.now();
  await rust();
  await all([server(), page()]);
  console.log(`built in ${seconds(started)}`);
}

export async function server() {
  await run('cargo', ['build', '--release', '--quiet', '-p', 'cloudindex-server'], { label: 'server' });
}

/** The proxy that breaks and shapes requests, for scenarios that want a link of some kind. */
export async function proxy() {
  await run('cargo', ['build', '--release', '--quiet', '-p', 'cloudindex-fault-proxy'], { label: 'proxy' });
}

export async function page() {
  await all([packages(), wasm()]);
  await glue();
  await facade();
  await docs();
}

async function wasm() {
  // The tool first where there is no core to spare; cdylib alone, because a second crate type drops LTO silently.
  const tool = () => run('cargo', ['build', '--quiet', '--manifest-path', 'xtask/Cargo.toml', '-p', 'xtask'], { label: 'xtask' });
  const crate = () =>
    run(
      'cargo',
      ['rustc', '--quiet', '--profile', 'web', '--lib', '--crate-type', 'cdylib', '--target', 'wasm32-unknown-unknown', ...SMALL_STD],
      // A folder apart: flags that are no others' flags would have cargo build everything anew each time.
      { label: 'wasm', env: { CARGO_TARGET_DIR: WEB, RUSTC_BOOTSTRAP: '1', RUSTFLAGS: SMALL_PANICS } },
    );
  await all([tool(), crate()]);
}

/** wasm-bindgen, then wasm-opt over what it made. */
async function glue() {
  const name = 'cloudindex_uploader_bg.wasm';
  await whenChanged('glue', [WASM, 'xtask/Cargo.lock', 'xtask/src', 'package-lock.json', 'scripts/lib/build.mjs'], [`${GLUE}/${name}`], async () => {
    await mkdir(join(ROOT, GLUE), { recursive: true });
    await run('xtask/target/debug/xtask', ['bindgen', WASM, GLUE], { label: 'bindgen' });
    const enable = FEATURES.map((feature) => `--enable-${feature}`);
    const path = `${GLUE}/${name}`;
    await run(process.execPath, ['node_modules/binaryen/bin/wasm-opt', ...SMALLEST, ...enable, path, '-o', path], { label: 'wasm-opt' });
  });
}

async function facade() {
  const page = ['intake', 'walk', 'sources', 'say', 'journal'].map((name) => `src/${name}.js`);
  const inputs = ['js', ...page, 'www', GLUE, 'package.json', 'package-lock.json'];
  await whenChanged('facade', inputs, ['dist/index.js', 'dist/page/index.html'], () =>
    run(process.execPath, ['js/build.mjs'], { label: 'facade' }),
  );
}

/** The documentation as a site beside the page. */
async function docs() {
  const inputs = ['docs', 'README.md', 'CHANGELOG.md', 'bench/README.md', 'bench/results', 'scripts/docs.mjs', 'scripts/docs', 'dist/types', 'package-lock.json'];
  await whenChanged('docs', inputs, ['dist/page/docs/index.html', 'dist/page/docs/search.json'], () =>
    run(process.execPath, ['scripts/docs.mjs'], { label: 'docs' }),
  );
}

/** Skips the work when it was done from inputs of this very content, and what it made is still there. */
async function whenChanged(name, inputs, outputs, work) {
  const stamp = join(ROOT, 'dist', `.${name}`);
  const before = await digest(inputs);
  const same = (await readFile(stamp, 'utf8').catch(() => '')) === before;
  const there = await Promise.all(outputs.map((path) => readFile(join(ROOT, path)).then(() => true, () => false)));
  if (same && !there.includes(false)) return;
  const started = performance.now();
  await work();
  await writeFile(stamp, before);
  console.log(`${name}: ${seconds(started)}`);
}

async function digest(paths) {
  const hash = createHash('sha256');
  for (const path of paths) {
    for (const file of await files(resolve(ROOT, path))) {
      const content = await readFile(file);
      hash.update(`${relative(ROOT, file)}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex');
}

/** The path itself, or every file under it, in a fixed order. */
export async function files(path) {
  const entries = await readdir(path, { withFileTypes: true, recursive: true }).catch((error) => {
    if (error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (!entries) return [path];
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort();
}

/** Like Promise.all, but waits for the others before it fails, so that no build is left running behind an error. */
async function all(promises) {
  const results = await Promise.allSettled(promises);
  const failed = results.find(({ status }) => status === 'rejected');
  if (failed) throw failed.reason;
}
