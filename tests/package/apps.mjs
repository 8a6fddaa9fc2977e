// Applications as users have them: copied into a fresh folder, with the packed package installed, built by their own command.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ROOT, output, run } from '../../scripts/lib/run.mjs';

/** The packed package: as `npm publish` would send it. */
export async function pack() {
  const folder = await mkdtemp(join(tmpdir(), 'cloudindex-pack-'));
  const name = await output('npm', ['pack', '--silent', '--pack-destination', folder]);
  return { folder, path: join(folder, name) };
}

/** An application in a folder of its own, installed and built. */
export async function install(t, app, packed) {
  const folder = await mkdtemp(join(tmpdir(), `cloudindex-${basename(app)}-`));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const skip = new Set(['node_modules', 'dist', '.next']);
  await cp(join(ROOT, app), folder, { recursive: true, filter: (path) => !skip.has(basename(path)) });
  // Where the application in the repository has the repository, this one has what was packed.
  const tarball = 'cloudindex-uploader.tgz';
  await cp(packed.path, join(folder, tarball));
  for (const file of ['package.json', 'package-lock.json']) {
    const text = await readFile(join(folder, file), 'utf8');
    await writeFile(join(folder, file), text.replace(/file:(\.\.\/)*\.\./g, `file:${tarball}`));
  }
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], { cwd: folder });
  const { scripts = {} } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  if (scripts.build) await run('npm', ['run', '--silent', 'build'], { cwd: folder, env: { NEXT_TELEMETRY_DISABLED: '1' } });
  return folder;
}
