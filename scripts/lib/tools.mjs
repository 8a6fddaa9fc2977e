// What the machine must have. What can be installed without asking is installed; the rest is named with its command.
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Complaint, ROOT, output, run } from './run.mjs';

const WASM = 'wasm32-unknown-unknown';

const exists = (path) => access(path).then(() => true, () => false);

/** Rust with the wasm target and what it is built from. */
export async function rust() {
  const sysroot = await output('rustc', ['--print', 'sysroot']);
  if (!sysroot || !(await output('cargo', ['--version']))) {
    throw new Complaint("Rust is missing. Install it with: curl --proto '=https' -sSf https://sh.rustup.rs | sh");
  }
  const needed = [
    [`target add ${WASM}`, WASM],
    ['component add rust-src', 'src/rust/library/Cargo.lock'], // the standard library's sources, see build.mjs
  ];
  for (const [command, path] of needed) {
    if (await exists(join(sysroot, 'lib/rustlib', path))) continue;
    if (!(await output('rustup', ['--version']))) {
      throw new Complaint(`Rust lacks ${path}, and there is no rustup to get it. With rustup: rustup ${command}`);
    }
    await run('rustup', command.split(' '));
  }
}

/** The packages of package-lock.json, installed again whenever they are not exactly those. */
export async function packages() {
  if (!(await installed())) await run('npm', ['ci'], { label: 'npm' });
}

async function installed() {
  const wanted = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  const found = await readFile(join(ROOT, 'node_modules/.package-lock.json'), 'utf8').then(JSON.parse, () => undefined);
  if (!found) return false;
  return Object.entries(wanted).every(
    // Optional ones are for other systems, or the one for this: npm decides.
    ([path, { version, optional }]) => path === '' || optional || found.packages[path]?.version === version,
  );
}

/** Chromium and its driver, for the tests. */
export async function chromium() {
  const missing = [];
  for (const program of ['chromium', 'chromedriver']) {
    if (!(await output(program, ['--version']))) missing.push(program === 'chromium' ? program : 'chromium-driver');
  }
  if (missing.length > 0) await debian(missing);
}

/** Python with pip, for what comes from its registry; tells the program. */
export async function python() {
  for (const program of ['python3', 'python']) {
    if (await output(program, ['-m', 'pip', '--version'])) return program;
  }
  await debian(['python3', 'python3-pip']);
  return 'python3';
}

/** Installs Debian's packages where that is possible without asking; elsewhere names the command. */
async function debian(missing) {
  const install = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !(await output('apt-get', ['--version']))) {
    throw new Complaint(`Missing for the tests: ${missing.join(', ')}. Install with: sudo apt-get update && sudo ${install}`);
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-q'], { label: 'apt', env });
  await run('apt-get', install.split(' ').slice(1), { label: 'apt', env });
}

/** `program or file: Debian package` of each engine. What is missing is named with its command, not installed: it is hundreds of megabytes. */
export async function browsers(engines) {
  const missing = new Set();
  for (const [program, name] of engines.flatMap(Object.entries)) {
    if (!(await exists(program)) && !(await output('sh', ['-c', `command -v "${program}"`]))) missing.add(name);
  }
  if (missing.size === 0) return;
  throw new Complaint(`Missing for these engines: ${[...missing].join(', ')}. Install with:\n  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${[...missing].join(' ')}`);
}
