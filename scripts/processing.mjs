// npm run processing -- [DIR]: the whole way of a folder, from one drop in headless Chromium to what can be found: uploads it through the page, waits
// until the server has processed it, verifies it, searches it, and prints the figures as JSON. Without DIR: the Rust documentation.
// Fails when a document is neither processed nor has an error, when the verification is not sound, or when the end was foretold badly.
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Chromium } from '../tests/e2e/cdp.mjs';
import { drop } from '../tests/e2e/element.mjs';
import { ready } from '../tests/e2e/harness.mjs';
import { watchFamily } from '../tests/e2e/memory.mjs';
import { Page } from '../tests/e2e/page.mjs';
import { Server } from '../tests/e2e/server.mjs';
import { filesOf } from '../tests/e2e/verify.mjs';
import { build } from './lib/build.mjs';
import { isAmong, questions } from './lib/recall.mjs';
import { Complaint, command, output } from './lib/run.mjs';
import { chromium } from './lib/tools.mjs';

const QUESTIONS = 200;
const MINUTES = 60; // what takes longer has stopped
/** Percent of the whole time that `estimatedCompletion` may be wrong, once half of the documents are done. */
const MOST_WRONG = 25;

await command(async (args) => {
  const folder = resolve(args[0] ?? join(await output('rustc', ['--print', 'sysroot']), 'share/doc/rust/html'));
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw new Complaint(`${folder} is no folder; for the Rust documentation: rustup component add rust-docs`);
  await chromium();
  await build();
  const sources = await filesOf(folder);
  const server = await Server.start();
  const browser = await Chromium.launch();
  try {
    const page = await Page.open(browser, `${server.url}/`);
    await ready(page);
    const memory = watchFamily(server.pid);
    const started = performance.now();
    let batchId;
    let followed;
    let serverPeakMiB;
    try {
      await drop(page, [folder]);
      batchId = await begun(server);
      followed = await processed(server, batchId);
    } finally {
      serverPeakMiB = await memory.stop();
    }
    const { status, uploaded, said, ended } = followed;
    const seconds = (ended - started) / 1000;
    const errors = {};
    for await (const { code } of server.list(`/v1/batches/${batchId}/errors`, 'errors')) errors[code] = (errors[code] ?? 0) + 1;
    const checking = performance.now();
    const report = await verified(page, server.key, batchId);
    const verifySeconds = since(checking);
    const estimateWrongPercent = round(Math.max(0, ...said.map((end) => Math.abs(end - endOf(status)) / lasted(status) * 100)));
    const told = Object.values(errors).reduce((sum, number) => sum + number, 0);
    const { totalFiles, processedFiles, failedFiles, bytes } = status;
    console.log(JSON.stringify({
      files: sources.size, totalFiles, processedFiles, failedFiles, errors, megabytes: round(bytes / 1e6),
      uploadSeconds: round((uploaded - started) / 1000), seconds: round(seconds),
      documentsPerSecond: round(totalFiles / seconds), megabytesPerSecond: round(bytes / 1e6 / seconds),
      serverPeakMiB, estimates: said.length, estimateWrongPercent, verifySeconds: round(verifySeconds), verified: report,
      ...(await searched(server, batchId, await questions(sources, QUESTIONS))),
    }, undefined, 2));
    if (totalFiles !== sources.size || processedFiles + failedFiles !== totalFiles || told !== failedFiles) {
      throw new Complaint(`of ${sources.size} files ${processedFiles} are processed and ${failedFiles} failed, with ${told} errors: they must add up`);
    }
    if (!report.ok) throw new Complaint('the verification is not sound');
    if (said.length > 0 && estimateWrongPercent > MOST_WRONG) throw new Complaint(`from half way on, the end was foretold wrong by up to ${estimateWrongPercent} %; at most ${MOST_WRONG} are allowed`);
  } finally {
    await browser.close();
    await server.stop();
  }
});

/** The batch that the page made. */
async function begun(server) {
  for (;;) {
    const { batches } = await server.json('/v1/batches?limit=1');
    if (batches.length > 0) return batches[0].id;
    await new Promise((next) => setTimeout(next, 50));
  }
}

/** Follows the batch to its end: its last status, when all was uploaded, and the ends that were foretold from half way on. */
async function processed(server, batchId) {
  const stream = await server.request(`/v1/batches/${batchId}/events`);
  const late = setTimeout(() => stream.destroy(new Complaint(`not over after ${MINUTES} minutes`)), MINUTES * 60_000);
  const said = [];
  let uploaded;
  let status;
  for await (const line of createInterface({ input: stream })) {
    if (!line.startsWith('data: ')) continue;
    status = JSON.parse(line.slice('data: '.length));
    if (status.status !== 'open') uploaded ??= performance.now();
    if (status.status === 'processing' && status.progressPercentage >= 50 && status.estimatedCompletion) said.push(Date.parse(status.estimatedCompletion));
  }
  clearTimeout(late);
  if (status?.status !== 'completed') throw new Complaint(`the events ended while the batch was ${status?.status}`);
  return { status, uploaded, said, ended: performance.now() };
}

/** What the client's own `verify` reports, with numbers in the place of lists. */
function verified(page, apiKey, batchId) {
  return page.evaluate(async (apiKey, batchId) => {
    const { CloudIndex } = await import('/dist/index.js');
    const report = await new CloudIndex({ apiKey }).batches.verify(batchId);
    return JSON.parse(JSON.stringify(report, (_, value) => (Array.isArray(value) ? value.length : value)));
  }, apiKey, batchId);
}

async function searched(server, batchId, asked) {
  const times = [];
  let found = 0;
  for (const { path, sentence } of asked) {
    const begun = performance.now();
    const { results } = await server.json('/v1/search', { method: 'POST', body: { query: sentence, batchId, limit: 10 } });
    times.push(performance.now() - begun);
    if (isAmong(path, results.map((hit) => hit.path))) found += 1;
    else console.error(`not found: ${path} by ${JSON.stringify(sentence)}`);
  }
  times.sort((a, b) => a - b);
  const at = (part) => round(times[Math.floor(times.length * part)]);
  return asked.length === 0 ? { questions: 0 } : { questions: asked.length, recallAt10: found / asked.length, searchP50Ms: at(0.5), searchP95Ms: at(0.95) };
}

/** Of a batch that has ended, `estimatedCompletion` is when it did. */
function endOf({ estimatedCompletion }) {
  return Date.parse(estimatedCompletion);
}

function lasted(status) {
  return endOf(status) - Date.parse(status.startedAt);
}

function since(start) {
  return (performance.now() - start) / 1000;
}

function round(number) {
  return Math.round(number * 10) / 10;
}
