// What a bench needs before it runs: this project built, the peers' packages, the receiver. With network; the runs have none.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TARGET, build } from '../scripts/lib/build.mjs';
import { ROOT, run } from '../scripts/lib/run.mjs';
import { chromium } from '../scripts/lib/tools.mjs';

const HERE = join(ROOT, 'bench');
export const RECEIVER = join(TARGET, 'release/cloudindex-bench-receiver');

export async function prepare({ copyparty, rebuild }) {
  await chromium();
  if (rebuild) await build();
  await run('cargo', ['build', '--release', '--quiet', '-p', 'cloudindex-bench-receiver'], { label: 'receiver' });
  await peers();
  if (copyparty) await (await import('./lib/copyparty.mjs')).install();
}

async function peers() {
  const [wanted, found] = await Promise.all(
    ['package-lock.json', 'node_modules/.package-lock.json'].map((path) =>
      readFile(join(HERE, path), 'utf8').then((text) => JSON.parse(text).packages, () => ({}))),
  );
  const missing = Object.keys(wanted).filter((path) => path !== '' && !wanted[path].optional && found[path]?.version !== wanted[path].version);
  if (missing.length > 0) await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: HERE, label: 'npm' });
}
