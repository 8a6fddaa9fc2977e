// A module of js/ as it is, for tests that need no browser.
import { build } from 'esbuild';
import { join } from 'node:path';
import { ROOT } from '../../scripts/lib/run.mjs';

export async function source(path) {
  const { outputFiles } = await build({ entryPoints: [join(ROOT, 'js/element', path)], bundle: true, write: false, format: 'esm', target: 'es2022', logLevel: 'error' });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}
