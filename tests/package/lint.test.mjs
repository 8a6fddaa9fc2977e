// The packed package as tools see it: publint, are-the-types-wrong, and TypeScript on what an application writes.
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { ROOT, run } from '../../scripts/lib/run.mjs';
import { pack } from './apps.mjs';

let packed;
before(async () => { packed = await pack(); });
after(() => rm(packed.folder, { recursive: true, force: true }));

test('publint', () => node('publint', 'src/cli.js', [packed.path, '--strict']));

test('are the types wrong?', () => node('@arethetypeswrong/cli', 'dist/index.js', [
  // The wasm is a file, not a module with types.
  packed.path, '--profile', 'esm-only', '--exclude-entrypoints', './cloudindex_uploader_bg.wasm',
]));

for (const [resolution, module] of [['bundler', 'esnext'], ['nodenext', 'nodenext']]) {
  test(`the public API has the types that the docs promise (${resolution})`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'cloudindex-types-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const modules = join(folder, 'node_modules');
    await mkdir(join(modules, '@uppy'), { recursive: true });
    for (const name of ['@types', '@uppy/core', 'filepond', 'react']) await symlink(join(ROOT, 'node_modules', name), join(modules, name));
    await run('tar', ['xzf', packed.path, '-C', folder]);
    await cp(join(folder, 'package'), join(modules, 'cloudindex-uploader'), { recursive: true });
    await cp(join(ROOT, 'tests/package/types.test-d.ts'), join(folder, 'types.test-d.ts'));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await node('typescript', 'bin/tsc', [
      '--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022', '--module', module, '--moduleResolution', resolution,
      '--lib', 'es2022,dom,dom.iterable,dom.asynciterable,esnext.disposable', '--types', 'react', 'types.test-d.ts',
    ], folder);
  });
}

/** Runs a tool of the repository's own packages. */
function node(tool, program, args, cwd) {
  return run(process.execPath, [join(dirname(packageJson(tool)), program), ...args], { label: tool, cwd });
}

function packageJson(tool) {
  const require = createRequire(import.meta.url);
  try {
    return require.resolve(`${tool}/package.json`);
  } catch {
    return join(ROOT, 'node_modules', tool, 'package.json'); // It does not export it.
  }
}
