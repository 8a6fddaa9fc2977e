// schemathesis, from PyPI by Python's own pip, into a folder of its own.
import { cp, readFile, rename, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { TARGET } from '../lib/build.mjs';
import { run } from '../lib/run.mjs';
import { python } from '../lib/tools.mjs';

const REQUIREMENTS = fileURLToPath(new URL('requirements.txt', import.meta.url));
const PLACE = join(TARGET, 'schemathesis');

/** Gets it, unless it is there just as requirements.txt says. */
export async function schemathesis() {
  const program = await python();
  const [wanted, there] = await Promise.all([text(REQUIREMENTS), text(join(PLACE, 'requirements.txt'))]);
  if (wanted !== there) {
    const beside = `${PLACE}.${process.pid}`;
    try {
      await run(program, ['-m', 'pip', 'install', '--quiet', '--root-user-action=ignore', '--target', beside, '-r', REQUIREMENTS], { label: 'schemathesis' });
      await cp(REQUIREMENTS, join(beside, 'requirements.txt'));
      // It is there whole, or not at all.
      await rm(PLACE, { recursive: true, force: true });
      await rename(beside, PLACE);
    } finally {
      await rm(beside, { recursive: true, force: true });
    }
  }
  return {
    run: (args, env) => run(program, [join(PLACE, 'bin/schemathesis'), ...args], { env: { ...env, PYTHONPATH: PLACE } }),
  };
}

const text = (path) => readFile(path, 'utf8').catch(() => undefined);
