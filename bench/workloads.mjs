// The files that are sent: made once from a seed, under the system's folder for temporary files, and used again.
import { createCipheriv } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { chance } from '../tests/reliability/ground.mjs';
import { Complaint, output } from '../scripts/lib/run.mjs';
import { RECEIVER } from './prepare.mjs';

export const CACHE = join(tmpdir(), 'cloudindex-bench');
const KIB = 1024;
const MIB = 1024 * KIB;
const PER_FOLDER = 1000;

/** `sizes()` of each: bytes a file. `quick` is what --quick makes of it. */
export const WORKLOADS = {
  A: { title: '10,000 × 4 KiB', sizes: () => Array(10_000).fill(4 * KIB), quick: { title: '2,000 × 4 KiB', sizes: () => Array(2000).fill(4 * KIB) } },
  B: { title: '1,000 × 256 KiB', sizes: () => Array(1000).fill(256 * KIB), quick: { title: '200 × 256 KiB', sizes: () => Array(200).fill(256 * KIB) } },
  C: { title: '1 × 2 GiB', sizes: () => [2048 * MIB], quick: { title: '1 × 512 MiB', sizes: () => [512 * MIB] } },
  D: { title: '2,000 mixed, 1 KiB to 16 MiB', sizes: () => mixed(2000), quick: { title: '400 mixed, 1 KiB to 16 MiB', sizes: () => mixed(400) } },
  E: { title: '100,000 × 100 B', sizes: () => Array(100_000).fill(100), quick: { title: '5,000 × 100 B', sizes: () => Array(5000).fill(100) } },
  F: { title: 'Rust HTML documentation', folder: documentation },
};

/** Log-normal, cut to its bounds: 1.0 GiB in 2,000. */
function mixed(count) {
  const next = chance(4);
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return Array.from({ length: count }, () => Math.round(Math.min(16 * MIB, Math.max(KIB, 88 * KIB * Math.exp(1.95 * normal())))));
}

/** `{ name, title, folder, paths, digests, bytes }`; `paths` is undefined where only the folder as a whole is given. */
export async function workload(name, quick) {
  const known = WORKLOADS[name];
  const { title, sizes, folder } = (quick && known.quick) || known;
  const cache = join(CACHE, quick && known.quick ? `${name}-quick` : name);
  const list = folder ? undefined : sizes();
  const source = folder ? await folder() : join(cache, 'files');
  const paths = list?.map((_, i) => join(source, String(Math.floor(i / PER_FOLDER)).padStart(3, '0'), `${String(i).padStart(6, '0')}.bin`));
  if (list && !existsSync(cache)) make(cache, name, list, paths);
  const digests = await digestsOf(cache, source);
  const bytes = digests.reduce((sum, { size }) => sum + size, 0);
  return { name, title, folder: source, paths, digests, bytes, files: digests.length };
}

function make(cache, name, sizes, paths) {
  console.log(`making ${name}: ${sizes.length} files in ${cache}`);
  // Under a name of its own until it is whole: another bench may be making it as well.
  const mine = `${cache}.${process.pid}`;
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, name), Buffer.alloc(16));
  const zeros = Buffer.alloc(MIB);
  for (const [i, path] of paths.entries()) {
    const to = path.replace(cache, mine);
    mkdirSync(dirname(to), { recursive: true });
    const file = openSync(to, 'wx');
    for (let left = sizes[i]; left > 0; left -= MIB) writeSync(file, cipher.update(zeros.subarray(0, Math.min(left, MIB))));
    closeSync(file);
  }
  try {
    renameSync(mine, cache);
  } catch (error) {
    rmSync(mine, { recursive: true });
    if (error.code !== 'ENOTEMPTY') throw error;
  }
}

/** `{ digest, size, name }` of every file under `folder`, kept in `cache`. */
async function digestsOf(cache, folder) {
  const kept = join(cache, 'digests');
  if (!existsSync(kept)) {
    mkdirSync(cache, { recursive: true });
    writeFileSync(`${kept}.${process.pid}`, await digest(folder));
    renameSync(`${kept}.${process.pid}`, kept);
  }
  return parse(readFileSync(kept, 'utf8'));
}

/** What is in a folder, as `{ digest, size, name }`. */
export async function digests(folder) {
  return parse(await digest(folder));
}

async function digest(folder) {
  const text = await output(RECEIVER, ['digests', folder]);
  if (text === undefined) throw new Error(`${RECEIVER} digests ${folder} failed`);
  return text;
}

function parse(text) {
  return text.split('\n').filter(Boolean).map((line) => {
    const [digest, size, name] = line.split('\t');
    return { digest, size: Number(size), name };
  });
}

async function documentation() {
  const folder = join((await output('rustc', ['--print', 'sysroot'])) ?? '', 'share/doc/rust/html');
  if (!existsSync(folder)) throw new Complaint(`workload F needs ${folder}. Install it with: rustup component add rust-docs`);
  return folder;
}
