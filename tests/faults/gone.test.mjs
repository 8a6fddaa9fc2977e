// The page is gone in the midst of an upload, or is one of two: the journal carries it on (tests/e2e/resume.test.mjs has the
// ways of the page; npm run reliability kills the browser twenty times).
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Chromium } from '../e2e/cdp.mjs';
import { drop, left, phase } from '../e2e/element.mjs';
import { ready } from '../e2e/harness.mjs';
import { Page } from '../e2e/page.mjs';
import { Server, UPLOAD_ALONE } from '../e2e/server.mjs';
import { filesOf } from '../e2e/verify.mjs';
import { Proxy } from './proxy.mjs';
import { arrivedOnPage, open, settle, some, sum, underWay } from './world.mjs';

const LINK = { up: 8_000_000 };

test('browser killed and started again', async (t) => {
  const folder = await some(t, 400, 50_000);
  const profile = await mkdtemp(join(tmpdir(), 'cloudindex-profile-'));
  const server = await Server.start(UPLOAD_ALONE);
  const proxy = await Proxy.before(server, [], { link: LINK });
  let browser;
  t.after(async () => {
    // First, because it writes to its profile to the end.
    await browser?.close();
    await proxy.close();
    await server.stop();
    await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  });
  let most = 0;
  for (const moment of [4_000_000, 11_000_000]) {
    browser = await Chromium.launch({ profile });
    await (moment > 4_000_000 ? visitAgain : visit)(browser, proxy).then((page) => drop(page, [folder]));
    await proxy.passed(moment);
    // What is on its way now may have to go once more, and what leaves until the kill.
    most += sum(await underWay(proxy), 'received') + 1_000_000;
    await browser.kill();
  }
  browser = await Chromium.launch({ profile });
  const page = await visitAgain(browser, proxy);
  await drop(page, [folder]);
  await arrivedOnPage(page, 400);
  await settle(t, { server, sources: await filesOf(folder), most });
  assert.equal((await batches(server)).length, 1, 'all in one batch');
});

test('two tabs with the same files', async (t) => {
  const folder = await some(t, 200, 50_000);
  const { server, browser, page, proxy } = await open(t, { link: LINK });
  await drop(page, [folder]);
  await proxy.passed(1_000_000);
  const second = await visitAgain(browser, proxy);
  await drop(second, [folder]);
  await phase(second, 'stalled');
  await page.send('Page.bringToFront'); // only the tab in front is painted
  await arrivedOnPage(page, 200);
  await second.send('Page.bringToFront');
  await arrivedOnPage(second, 200);
  await settle(t, { server, sources: await filesOf(folder) });
});

async function visit(browser, proxy) {
  const page = await Page.open(browser, `${proxy.url}/`);
  await ready(page);
  return page;
}

/** The page, when it has told what was left, or is under way elsewhere: a drop of DevTools' that meets the page as it moves for that can be lost. */
async function visitAgain(browser, proxy) {
  const page = await visit(browser, proxy);
  await left(page);
  return page;
}

async function batches(server) {
  const ids = [];
  for await (const { id } of server.list('/v1/batches', 'batches')) ids.push(id);
  return ids;
}
