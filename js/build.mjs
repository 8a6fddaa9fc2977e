// Builds what is published and the page: `node js/build.mjs`, after wasm-bindgen has filled dist/glue.
//   dist/index.js, dist/before.js, dist/after.js, dist/worker.js, dist/chunk-*.js, dist/cloudindex_uploader_bg.wasm, dist/types/*.d.ts
//   dist/page/: www/ and, under dist/page/dist/, the same files
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const dist = path.join(root, 'dist');
const wasm = 'cloudindex_uploader_bg.wasm';
const adapters = ['react', 'uppy', 'filepond'].map((name) => ({ in: `js/adapters/${name}.ts`, out: name }));

const old = (await readdir(dist)).filter((name) => /\.js(\.map)?$/.test(name));
await Promise.all(old.map((name) => rm(path.join(dist, name))));

const tsc = path.join(path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const types = spawnSync(process.execPath, [
  tsc, '-p', path.join(root, 'js'),
  '--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--stripInternal', '--outDir', path.join(dist, 'types'),
], { stdio: 'inherit' });
if (types.status !== 0) process.exit(types.status ?? 1);

const options = {
  absWorkingDir: root,
  // The build of Lit that may be imported where there is no document, without its imitation of one.
  platform: 'neutral',
  conditions: ['node'],
  alias: { '@lit-labs/ssr-dom-shim': './js/element/no-dom.ts' },
  outdir: dist,
  bundle: true,
  external: ['react', '@uppy/core'], // the application's own
  splitting: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  charset: 'utf8', // as browsers read modules, whatever they are told
  sourcemap: false,
  chunkNames: 'chunk-[hash]',
  legalComments: 'none',
  logLevel: 'warning',
};

/** What lies in js/ itself comes from dist/core.js: one module compresses better than the pieces that esbuild would cut it into. */
const fromCore = {
  name: 'from core',
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ path: to, resolveDir, kind }) => {
      const inJs = kind !== 'entry-point' && path.dirname(path.resolve(resolveDir, to)) === path.join(root, 'js');
      return inJs ? { path: './core.js', external: true, sideEffects: false } : undefined;
    });
  },
};

/** What comes before an upload, and after it, are modules of their own, which the core imports when they are first asked for. */
const later = {
  name: 'later',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/(after|before)\/index\.js$/ }, ({ path: to }) => ({ path: `${path.dirname(to)}.js`, external: true }));
  },
};

/** A language as a list of its texts, in the order of English's: the keys are the same in all of them, and as long as the texts. */
const languages = {
  name: 'languages',
  setup({ onLoad }) {
    onLoad({ filter: /locales.\w+\.ts$/ }, async ({ path: file }) => {
      if (/en\.ts$/.test(file)) return undefined;
      const [own, english] = await Promise.all([file, file.replace(/\w+\.ts$/, 'en.ts')].map(stringsOf));
      return { contents: `export const strings = ${JSON.stringify(inOrder(own, english))}` };
    });
  },
};

async function stringsOf(file) {
  const { outputFiles: [{ text }] } = await build({ entryPoints: [file], write: false, format: 'esm' });
  return (await import(`data:text/javascript,${encodeURIComponent(text)}`)).strings;
}

function inOrder(texts, shape) {
  return typeof shape === 'string' || 'other' in shape ? [texts] : Object.keys(shape).flatMap((key) => inOrder(texts[key], shape[key]));
}

await build({ ...options, entryPoints: ['js/core.ts', 'js/worker.ts'], plugins: [later] });
await build({
  ...options,
  entryPoints: ['js/index.ts', ...['before', 'after'].map((name) => ({ in: `js/${name}/index.ts`, out: name })), { in: 'js/element/index.ts', out: 'element' }, ...adapters],
  plugins: [fromCore, languages],
});
await cp(path.join(dist, 'glue', wasm), path.join(dist, wasm));

const page = path.join(dist, 'page');
await rm(page, { recursive: true, force: true });
await mkdir(path.join(page, 'dist'), { recursive: true });
await cp(path.join(root, 'www'), page, { recursive: true });
const shipped = (await readdir(dist)).filter((name) => name.endsWith('.js') || name === wasm);
await Promise.all(shipped.map((name) => cp(path.join(dist, name), path.join(page, 'dist', name))));
