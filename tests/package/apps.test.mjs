// The packed package in fresh projects: no bundler, four bundlers, frameworks, Node. Each uploads real files in Chromium.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ROOT, ended, output, run } from '../../scripts/lib/run.mjs';
import { Chromium } from '../e2e/cdp.mjs';
import { Gate } from '../e2e/gate.mjs';
import { tree } from '../e2e/harness.mjs';
import { Page } from '../e2e/page.mjs';
import { KEY, Server } from '../e2e/server.mjs';
import { verify } from '../e2e/verify.mjs';
import { install, pack } from './apps.mjs';

const APPS = 'tests/package/apps';
const FILES = { 'a.txt': 'a', 'big.bin': Buffer.alloc(2_500_000, 'big'), 'c.txt': 'ccc' };
/** What the strictest pages say. */
const CSP = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'";
const TRUSTED = "require-trusted-types-for 'script'; trusted-types";

/** How files are given to a page, and what it says then: of its own input and output, or of the element. */
const PAGE = {
  isReady: () => /ready|idle/.test(document.querySelector('#state')?.textContent),
  give: (page, paths) => page.choose('#files', paths),
  isComplete: () => document.querySelector('#state').textContent === 'complete: 3 of 3',
  batch: () => document.querySelector('#state').dataset.batch,
};
/** A page that also asks what came of it, by what is loaded later. */
const ASKS = { ...PAGE, asksWith: '#state' };
const ELEMENT = {
  isReady: () => Object.keys(document.querySelector('cloudindex-uploader')?.options ?? {}).length > 0,
  give: (page, paths) => page.drop('cloudindex-uploader', paths),
  isComplete: () => document.querySelector('cloudindex-uploader').uploader?.phase === 'complete',
  batch: () => document.querySelector('cloudindex-uploader').uploader.batchId,
};

let packed;
before(async () => { packed = await pack(); });
after(() => rm(packed.folder, { recursive: true, force: true }));

for (const [name, app, gives] of [['Vite', `${APPS}/vite`, ASKS], ['webpack 5', `${APPS}/webpack`, ASKS], ['esbuild', `${APPS}/esbuild`, ASKS],
  ["Vite, a worker of the application's own", `${APPS}/own-worker`],
  ['React', 'examples/react'], ['Vue', 'examples/vue'], ['Svelte', 'examples/svelte']]) {
  test(`${name}: built, served under a strict CSP, uploads from a worker`, async (t) => {
    const folder = await install(t, app, packed);
    await uploads(t, await serve(t, join(folder, 'dist'), CSP), gives);
  });
}

for (const [what, app, gives] of [['', `${APPS}/importmap`, ASKS], [', the element', 'examples/html', ELEMENT]]) {
  test(`no bundler${what}: an import map, under a CSP that names it`, async (t) => {
    const folder = await install(t, app, packed);
    await uploads(t, await serve(t, folder, await withMap(folder)), gives);
  });
}

for (const [what, app, gives, policies] of [['', `${APPS}/importmap`, PAGE, "'none'"], [', the element', 'examples/html', ELEMENT, 'lit-html']]) {
  test(`Trusted Types${what}: nothing done for them, it uploads on the page's thread`, async (t) => {
    const folder = await install(t, app, packed);
    // The browser refuses the worker's address, and nothing else.
    const refused = ['require-trusted-types-for'];
    await uploads(t, await serve(t, folder, `${await withMap(folder)}; ${TRUSTED} ${policies}`), { ...gives, from: 'page', refused });
  });
}

test("Trusted Types: through the application's own policy it uploads from a worker", async (t) => {
  const folder = await install(t, `${APPS}/trusted-types`, packed);
  await uploads(t, await serve(t, join(folder, 'dist'), `${CSP}; ${TRUSTED} upload-worker`));
});

test('React 18: rendered on a server, its types, hook and element in the browser', async (t) => {
  const folder = await install(t, `${APPS}/react18`, packed);
  const [hook, element] = JSON.parse(await output(process.execPath, [join(folder, 'server.js')]));
  assert.match(hook, /idle: 0 of 0/);
  assert.match(element, /<cloudindex-uploader class="mine"><\/cloudindex-uploader>/);
  await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--target', 'es2022', '--module', 'esnext',
    '--moduleResolution', 'bundler', '--lib', 'es2022,dom,dom.iterable,dom.asynciterable,esnext.disposable', '--types', 'react', 'types.test-d.ts'], { cwd: folder });
  const { server, url } = await serve(t, join(folder, 'dist'), CSP);
  await uploads(t, { server, url });
  await uploads(t, { server, url: `${url}/?element` }, ELEMENT);
});

test('integrity in the import map: the right bytes run, others do not', async (t) => {
  const folder = await install(t, `${APPS}/importmap`, packed);
  const dist = 'node_modules/cloudindex-uploader/dist';
  const names = (await readdir(join(folder, dist))).filter((name) => name.endsWith('.js'));
  const hashes = await Promise.all(names.map(async (name) => {
    const hash = createHash('sha384').update(await readFile(join(folder, dist, name))).digest('base64');
    return [`./${dist}/${name}`, `sha384-${hash}`];
  }));
  const html = await readFile(join(folder, 'index.html'), 'utf8');
  const guard = (integrity) => writeFile(join(folder, 'index.html'), html.replace('{ "imports"', `{ "integrity": ${JSON.stringify(integrity)}, "imports"`));
  await guard(Object.fromEntries(hashes));
  const { server, url } = await serve(t, folder, '');
  await uploads(t, { server, url });

  await guard(Object.fromEntries(hashes.map(([name]) => [name, hashes[0][1]])));
  const browser = await Chromium.launch();
  t.after(() => browser.close());
  const page = await Page.open(browser, url);
  const refused = await page.evaluate((module) => import(module).then(() => 'it ran', ({ name }) => name), `${url}/${dist}/index.js`);
  assert.equal(refused, 'TypeError');
});

test('Next.js: rendered on the server, uploads in the browser', async (t) => {
  const folder = await install(t, `${APPS}/next`, packed);
  const server = await Server.start(['--allow-origin', '*']);
  t.after(() => server.stop());
  const next = await startNext(t, folder, server);
  assert.match(await (await fetch(next)).text(), /idle<!-- -->: <!-- -->0|idle: 0 of 0/, 'the page comes rendered');
  await uploads(t, { server, url: next });
  assert.match(await (await fetch(`${next}/element`)).text(), /<cloudindex-uploader>/, 'the tag comes rendered');
  await uploads(t, { server, url: `${next}/element` }, ELEMENT);
});

test("Uppy with Golden Retriever: after a reload only what had not arrived is sent, and what had is not told anew", async (t) => {
  const folder = await install(t, `${APPS}/golden-retriever`, packed);
  const { server, url, gate } = await serve(t, join(folder, 'dist'), CSP);
  const browser = await Chromium.launch();
  t.after(() => browser.close());
  const page = await Page.open(browser, url);
  t.after(() => page.log.forEach((line) => t.diagnostic(line)));
  const isThere = () => document.querySelector('#state').textContent === 'ready';
  await page.waitFor(isThere);
  await page.evaluate(() => {
    for (const name of ['first.txt', 'second.txt']) app.uppy.addFile({ name, data: new File([name], name) });
    // One arrives; the other waits, and is under way when the page goes.
    app.uppy.pauseResume(app.uppy.getFiles()[1].id);
    void app.uppy.upload();
  });
  await page.waitFor(() => app.told.includes('upload-success first.txt'));
  // It writes what it keeps now and then.
  await page.waitFor(kept, { args: ['first.txt'] });
  await page.goto(url);
  await page.waitFor(isThere);
  await page.waitFor(() => app.restored);
  const before = gate.seen.length;
  const result = await page.evaluate(async () => {
    const over = new Promise((resolve) => { app.uppy.on('state-update', (_, { currentUploads }) => Object.keys(currentUploads).length === 0 && resolve()); });
    app.uppy.emit('restore-confirmed'); // What the button of the Dashboard does.
    await over;
    const files = app.uppy.getFiles();
    return { arrived: files.filter(({ progress }) => progress.complete).map(({ name }) => name).sort(), failed: files.filter(({ error }) => error).length, told: app.told };
  });
  assert.deepEqual(result, { arrived: ['first.txt', 'second.txt'], failed: 0, told: ['upload-success second.txt'] });
  assert.ok(gate.seen.length > before);
  const stored = [];
  for await (const { id } of server.list('/v1/batches', 'batches')) for await (const { path } of server.list(`/v1/batches/${id}/documents`, 'documents')) stored.push(path);
  assert.deepEqual(stored.sort(), ['first.txt', 'second.txt']);
});

test('Node: every entry can be imported, options can be checked', async (t) => {
  const folder = await install(t, `${APPS}/node`, packed);
  const said = await output(process.execPath, [join(folder, 'index.js')]);
  assert.deepEqual(JSON.parse(said), { imported: ['cloudindex-uploader', 'function', 'function'], wrong: 'invalid_option' });
});

/** The real server, which serves the folder too; a gate before it gives each answer the policy. */
async function serve(t, folder, csp) {
  const server = await Server.start(['--page', folder]);
  t.after(() => server.stop());
  const gate = await Gate.before(server);
  t.after(() => gate.close());
  gate.headers = { 'content-security-policy': csp };
  return { server, url: gate.url, gate };
}

/** In the page: whether Golden Retriever has written that the file arrived, and the blob of the other. */
async function kept(name) {
  const db = await new Promise((resolve) => { Object.assign(indexedDB.open('uppy-blobs'), { onsuccess: ({ target }) => resolve(target.result) }); });
  const all = (store) => new Promise((resolve) => { Object.assign(db.transaction(store).objectStore(store).getAll(), { onsuccess: ({ target }) => resolve(target.result) }); });
  const [metadata, blobs] = await Promise.all([all('metadata'), all('files')]);
  db.close();
  const files = Object.values(JSON.parse(metadata[0]?.metadata ?? '{}').files ?? {});
  return blobs.length === 1 && files.some((file) => file.name === name && file.progress.complete);
}

/** The policy that allows the page's import map too, by its hash. */
async function withMap(folder) {
  const [, map] = /<script type="importmap">([^]*?)<\/script>/.exec(await readFile(join(folder, 'index.html'), 'utf8'));
  const hash = createHash('sha256').update(map).digest('base64');
  return CSP.replace("'wasm-unsafe-eval'", `'wasm-unsafe-eval' 'sha256-${hash}'`);
}

/** Chooses files on the page, and looks at what then is on the server, at who sent it, and at what the policy refused. */
async function uploads(t, { server, url }, { isReady, give, isComplete, batch, asksWith, from = 'worker', refused = [] } = PAGE) {
  const folder = await tree(t, 'files', FILES);
  const browser = await Chromium.launch();
  t.after(() => browser.close());
  const page = await Page.open(browser, 'about:blank');
  t.after(() => page.log.forEach((line) => t.diagnostic(line)));
  await page.inNewWorkers(() => {});
  await page.send('Page.addScriptToEvaluateOnNewDocument', {
    source: "globalThis.refused = []; addEventListener('securitypolicyviolation', ({ effectiveDirective }) => refused.push(effectiveDirective));",
  });
  await page.goto(url);
  await page.waitFor(isReady);
  const sources = new Map(Object.keys(FILES).map((name) => [name, join(folder, name)]));
  await give(page, [...sources.values()]);
  await page.waitFor(isComplete);
  await verify(server, await page.evaluate(batch), sources);
  const sent = () => performance.getEntriesByType('resource').some(({ name }) => name.includes('/v1/'));
  const workers = (await page.evaluateInWorkers(sent)).includes(true);
  assert.deepEqual({ page: await page.evaluate(sent), workers }, { page: from === 'page', workers: from === 'worker' }, 'who sent it');
  if (asksWith) {
    await page.click(asksWith);
    await page.waitFor((selector) => document.querySelector(selector).dataset.errors === '0', { args: [asksWith] });
  }
  assert.deepEqual(await page.evaluate(() => refused), refused);
  assert.deepEqual(page.log.filter((line) => /uncaught|error|Content Security/i.test(line)), []);
}

/** `next start` on a port of its own; resolves to its address. */
async function startNext(t, folder, server) {
  const env = { ...process.env, CLOUDINDEX_URL: server.url, CLOUDINDEX_KEY: KEY, NEXT_TELEMETRY_DISABLED: '1' };
  const bin = join(folder, 'node_modules/next/dist/bin/next');
  const next = spawn(process.execPath, [bin, 'start', '--port', '0', '--hostname', '127.0.0.1'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = ended(next);
  t.after(async () => {
    next.kill();
    await gone;
  });
  let text = '';
  for await (const chunk of next.stdout.setEncoding('utf8')) {
    text += chunk;
    const found = /http:\/\/127\.0\.0\.1:\d+/.exec(text);
    if (found && /Ready/.test(text)) {
      next.stdout.resume();
      return found[0];
    }
  }
  throw new Error(`next start ended: ${text}`);
}
