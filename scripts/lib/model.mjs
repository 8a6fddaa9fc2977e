// The embedding model: two files of the Python package wordllama (MIT), fetched by Python's own pip and pinned by its hash.
// They come from the registry rather than from a model hub, so they can be had wherever packages can.
import { access, cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { TARGET } from './build.mjs';
import { run } from './run.mjs';
import { python } from './tools.mjs';

const PACKAGE = 'wordllama==0.4.0.post1';
// One wheel for everyone: what is taken from it is data, and the same in all of them.
const WHEEL = ['--only-binary', ':all:', '--platform', 'manylinux2014_x86_64', '--implementation', 'cp', '--python-version', '311', '--abi', 'cp311'];
const SHA256 = '42c2c88907ace0b0681ac6f9092d6a300a6409a5d2d61071a3fb5e7159370c97';
const FILES = {
  'wordllama/weights/l2_supercat_256.safetensors': 'model.safetensors',
  'wordllama/tokenizers/l2_supercat_tokenizer_config.json': 'tokenizer.json',
  'wordllama-0.4.0.post1.dist-info/licenses/LICENSE': 'LICENSE',
};

/** Where the model is kept unless a directory is named. */
export const MODEL = join(TARGET, 'model');

/** Gets the model into `directory`, unless it is there; returns the directory. */
export async function model(directory = MODEL) {
  directory = resolve(directory);
  if (await exists(directory)) return directory;
  const program = await python();
  const work = await mkdtemp(join(tmpdir(), 'cloudindex-model-'));
  try {
    const pinned = join(work, 'pinned.txt');
    await writeFile(pinned, `${PACKAGE} --hash=sha256:${SHA256}\n`);
    await run(program, ['-m', 'pip', 'download', '--quiet', '--no-deps', '--require-hashes', ...WHEEL, '--dest', join(work, 'wheel'), '-r', pinned], { label: 'model' });
    // A wheel is a zip, and Python can read it.
    const unpack = 'import sys,glob,zipfile; zipfile.ZipFile(glob.glob(sys.argv[1]+"/*.whl")[0]).extractall(sys.argv[2], sys.argv[3:])';
    await run(program, ['-c', unpack, join(work, 'wheel'), join(work, 'all'), ...Object.keys(FILES)]);
    const whole = join(work, 'whole');
    await mkdir(whole);
    for (const [from, to] of Object.entries(FILES)) await rename(join(work, 'all', from), join(whole, to));
    // Beside its place first, then into it: it is there whole, or not at all.
    await mkdir(dirname(directory), { recursive: true });
    const beside = `${directory}.${process.pid}`;
    await cp(whole, beside, { recursive: true });
    await rename(beside, directory);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return directory;
}

const exists = (path) => access(join(path, 'tokenizer.json')).then(() => true, () => false);
