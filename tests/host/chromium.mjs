// A browser whose pages have js/host, bundled as it stands, and the wasm that is published.
import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { ROOT } from '../../scripts/lib/run.mjs';
import { Chromium } from '../e2e/cdp.mjs';
import { Page } from '../e2e/page.mjs';

const WASM = 'cloudindex_uploader_bg.wasm';

/** For the tests of one file: a browser and what its pages load. */
export function chromium() {
  let browser;
  let served;
  let shared;
  before(async () => {
    served = await serve();
    browser = await Chromium.launch();
    shared = await Page.open(browser, served.url);
  });
  after(async () => {
    await browser?.close();
    served?.close();
  });
  return {
    /** Runs a function in the page that the tests share; what it has to work with is in /in-page.js. */
    inPage: (body, ...args) => shared.evaluate(body, ...args),
    /** A page of its own, for what breaks it. */
    page: () => Page.open(browser, served.url),
    /** What the shared page wrote to its console. */
    log: () => shared.log,
  };
}

/** By http on this machine, which the browser trusts as it trusts https. */
async function serve() {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: { 'in-page': 'tests/host/in-page/index.mjs', worker: 'js/worker.ts' },
    outdir: '/',
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'warning',
  });
  const files = new Map(outputFiles.map(({ path, contents }) => [path, ['text/javascript', contents]]));
  files.set('/', ['text/html', '<!doctype html><link rel="icon" href="data:,"><title>blank</title>']);
  files.set(`/${WASM}`, ['application/wasm', await readFile(join(ROOT, 'dist', WASM))]);
  const server = http.createServer(({ url }, response) => {
    const [type, content] = files.get(url) ?? [];
    response.writeHead(type ? 200 : 404, type && { 'content-type': type }).end(content);
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, close };
}
