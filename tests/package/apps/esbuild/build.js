// esbuild leaves `new URL('./worker.js', import.meta.url)` as it is: worker and wasm must lie beside the application.
import { build } from 'esbuild';
import { copyFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

await build({
  entryPoints: { app: 'app.js', worker: 'cloudindex-uploader/worker' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  minify: true,
});
const wasm = 'cloudindex_uploader_bg.wasm';
await copyFile(fileURLToPath(import.meta.resolve(`cloudindex-uploader/${wasm}`)), `dist/${wasm}`);
await copyFile('index.html', 'dist/index.html');
