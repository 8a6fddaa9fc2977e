// One run: one contender, one workload, one link, in a browser of its own.
import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../../scripts/lib/run.mjs';
import { Chromium } from '../../tests/e2e/cdp.mjs';
import { watchMemory } from '../../tests/e2e/memory.mjs';
import { Page } from '../../tests/e2e/page.mjs';
import { liveness, watch } from '../../tests/e2e/probe.mjs';
import { CONTENDERS } from '../contenders.mjs';
import { link } from './link.mjs';
import { cpuSeconds, machineSeconds } from './process.mjs';
import { SERVERS } from './servers.mjs';

const HERE = join(ROOT, 'bench');
/** A page whose thread is held does not answer: after this it is asked no more. */
const PATIENCE = 5000;
/** Chromium may take this long to make 100,000 files. */
const GIVING = 120_000;
/** Those of page/main.js. */
const INPUTS = { files: '#files', folder: '#folder' };

/** Does not keep the bench from ending. */
const sleep = (ms) => new Promise((done) => setTimeout(done, ms).unref());

/** The figures of a run; `limit`: seconds. */
export async function measure({ contender, workload, latency, rate, limit }) {
  const about = CONTENDERS[contender];
  const ends = [];
  try {
    const server = await SERVERS[about.server]();
    ends.unshift(() => server.stop());
    const way = await link(server, { latency, rate });
    ends.unshift(() => way.close());
    const browser = await Chromium.launch({ flags: about.flags });
    ends.unshift(() => browser.kill());
    const page = await Page.open(browser, way.url + server.page);
    await install(page, contender, about);
    await sleep(500); // whatever a page does after it is loaded
    const idle = await watchMemory(browser.pid).stop();
    return await run({ about, workload, server, way, browser, page, limit, idle });
  } finally {
    for (const end of ends) await end().catch((error) => console.error(`at the end of ${contender}: ${error.message}`));
  }
}

async function run({ about, workload, server, way, browser, page, limit, idle }) {
  const before = await server.figures();
  const memory = watchMemory(browser.pid);
  const sent = way.sent();
  const started = await given(page, about, workload);
  const cpu = clocks(browser, server);
  const waiting = page.waitFor(() => window.bench.done, { timeout: 3_600_000 }).catch((error) => ({ error: error.message }));
  const done = await Promise.race([waiting, sleep(limit * 1000)]);
  const seconds = (Date.now() - started) / 1000;
  const used = cpu();
  const wire = way.sent();
  const figures = await server.figures();
  const alive = await Promise.race([observed(page).catch(() => undefined), sleep(PATIENCE)]);
  const { rendererPeakMiB, browserPeakMiB } = await memory.stop();
  const result = {
    finished: done !== undefined && done.error === undefined,
    error: done?.error,
    seconds: done?.seconds ?? seconds,
    files: figures.files,
    requests: figures.requests === undefined ? alive?.requests : figures.requests - before.requests,
    wireMB: wire === undefined ? undefined : (wire - sent) / 1e6,
    firstByteMs: figures.firstByte ? figures.firstByte - started : undefined,
    frozen: alive === undefined,
    longestTaskMs: alive?.longestTaskMs,
    longestGapMs: alive?.longestGapMs,
    blockingMs: done?.blockingMs ?? alive?.blocking,
    rendererMiB: rendererPeakMiB - idle.rendererPeakMiB,
    browserMiB: browserPeakMiB,
    ...used,
  };
  if (result.finished) Object.assign(result, await server.verify(workload));
  result.log = page.log.slice(-5);
  return result;
}

/** Gives the files, and returns when the page had them, in milliseconds since 1970. */
async function given(page, { drop, inputs = INPUTS }, { folder, paths }) {
  await page.send('Runtime.addBinding', { name: 'benchStarted' });
  const started = page.next('Runtime.bindingCalled');
  const giving = drop ? page.drop('body', [folder]) : paths ? page.choose(inputs.files, paths) : page.choose(inputs.folder, [folder]);
  // It may be answered long after the page has them, or never.
  const failed = giving.then(() => new Promise(() => {}));
  const late = sleep(GIVING).then(() => Promise.reject(new Error('the page was given no files')));
  const { payload } = await Promise.race([started, failed, late]);
  return Number(payload);
}

/** CPU seconds from now on, of the browser, of the server, and of whoever else is on the machine. */
function clocks(browser, server) {
  const now = () => ({
    browser: cpuSeconds(browser.pid, { group: true }),
    server: cpuSeconds(server.pid),
    bench: process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6,
    machine: machineSeconds(),
  });
  const start = now();
  return () => {
    const end = now();
    const [browserCpu, serverCpu, bench, machine] = Object.keys(start).map((key) => end[key] - start[key]);
    return { browserCpu, serverCpu, othersCpu: Math.max(0, machine - browserCpu - serverCpu - bench) };
  };
}

async function observed(page) {
  const alive = await liveness(page);
  const { blocking, requests } = await page.evaluate(() => window.bench);
  return { ...alive, blocking, requests };
}

/** Puts probe, gate and contender into the page. */
async function install(page, contender, about) {
  // The probe's own function, to be started when files are given.
  await watch({ evaluate: (body) => page.evaluate(`() => { window.startWatching = ${body}; }`) });
  await script(page, await readFile(join(HERE, 'page/gate.js'), 'utf8'));
  if (about.inputs) return script(page, await readFile(join(HERE, `contenders/${contender}.js`), 'utf8'));
  await script(page, await bundle(contender));
}

function script(page, text) {
  return page.evaluate(`() => { ${text}\n }`);
}

/** The page's script with this contender in it. */
async function bundle(contender) {
  const { outputFiles } = await build({
    entryPoints: [join(HERE, 'page/main.js')],
    alias: { contender: join(HERE, `contenders/${contender}.js`) },
    external: ['/dist/index.js'],
    bundle: true,
    write: false,
    format: 'iife',
    minify: true,
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error',
  });
  return outputFiles[0].text;
}
