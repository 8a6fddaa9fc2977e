// A page that an adapter's users would write, bundled with the widget it is for, on the server's own origin.
import { build } from 'esbuild';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../../scripts/lib/run.mjs';
import { Chromium } from '../e2e/cdp.mjs';
import { Gate } from '../e2e/gate.mjs';
import { Page } from '../e2e/page.mjs';
import { Server } from '../e2e/server.mjs';

/** Server, gate, browser, and `pages/NAME` in it. All end with the test `t`, and what the page logged is then shown. */
export async function openApp(t, name) {
  const folder = await bundle(t, name);
  const server = await Server.start(['--page', folder]);
  t.after(() => server.stop());
  const gate = await Gate.before(server);
  t.after(() => gate.close());
  const browser = await Chromium.launch();
  t.after(() => browser.close());
  const page = await Page.open(browser, `${gate.url}/`);
  t.after(() => page.log.forEach((line) => t.diagnostic(line)));
  // Until the application says so, `app` is the element of that id.
  await page.waitFor(() => globalThis.app && !(globalThis.app instanceof Element));
  return { server, gate, page };
}

async function bundle(t, name) {
  const folder = await mkdtemp(join(tmpdir(), 'cloudindex-app-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  // `new Worker(new URL('./worker.js', import.meta.url))` stays as it is: the worker lies beside the application.
  const dist = join(ROOT, 'dist');
  for (const file of await readdir(dist)) {
    if (/^(worker|chunk-.*)\.js$|\.wasm$/.test(file)) await cp(join(dist, file), join(folder, file));
  }
  await build({
    absWorkingDir: ROOT,
    entryPoints: { app: `tests/adapters/pages/${name}` },
    outdir: folder,
    bundle: true,
    format: 'esm',
    define: { 'process.env.NODE_ENV': '"development"' },
    jsx: 'automatic',
    logLevel: 'error',
  });
  const styled = (await readdir(folder)).includes('app.css');
  await writeFile(join(folder, 'index.html'), `<!doctype html><meta charset="utf-8"><title>${name}</title>
${styled ? '<link rel="stylesheet" href="app.css">' : ''}<div id="app"></div><script type="module" src="app.js"></script>`);
  return folder;
}
