// The network goes away and comes back: the browser knows of it, or finds out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filesOf } from '../e2e/verify.mjs';
import { arrivedOnPage, open, settle, some, sum, underWay } from './world.mjs';

const LINK = { up: 6_000_000 };
const phase = (page, wanted) => page.waitFor((wanted) => document.querySelector('#total').dataset.phase === wanted, { args: [wanted] });

test('offline and back', async (t) => {
  const folder = await some(t, 300, 50_000);
  const { server, browser, page, proxy } = await open(t, { link: LINK });
  const sessions = [undefined]; // the page's own, and then its workers'
  browser.on('Target.attachedToTarget', ({ sessionId }) => sessions.push(sessionId));
  await page.inNewWorkers(() => {});
  await page.drop('#drop', [folder]);
  await proxy.passed(4_000_000);

  // The browser's own switch: requests under way fail, new ones too, and `offline` is told to page and workers.
  const network = async (offline) => {
    for (const session of sessions) {
      const send = (method, params) => (session ? browser.send(method, params, session) : page.send(method, params));
      await send('Network.enable');
      await send('Network.emulateNetworkConditions', { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
    }
  };
  const flying = await underWay(proxy);
  await network(true);
  await phase(page, 'stalled');
  const gone = (await proxy.log()).length;
  // That nothing is tried can only be watched for a while.
  await new Promise((watched) => setTimeout(watched, 2000));
  assert.equal((await proxy.log()).length, gone, 'requests went out without a network');
  await network(false);
  const back = performance.now();
  await proxy.passed((await proxy.stats()).total.passed + 1);
  t.diagnostic(`it went on after ${Math.round(performance.now() - back)} ms`);
  assert.ok(performance.now() - back < 1500, 'the event was not heeded');

  await arrivedOnPage(page, 300);
  await settle(t, { server, sources: await filesOf(folder), most: sum(flying, 'length') });
});

test('network gone and nobody told', async (t) => {
  const folder = await some(t, 300, 50_000);
  const { server, page, proxy } = await open(t, { link: LINK });
  await page.drop('#drop', [folder]);
  await proxy.passed(4_000_000);

  await proxy.rules([{ on: '*', fault: 'reset' }]);
  const flying = await underWay(proxy);
  await proxy.sever();
  // More failures than there are attempts: an outage may not spend them.
  await proxy.struck(0, 6);
  assert.match(await page.evaluate(() => document.querySelector('#notice').textContent), /No connection/);
  await proxy.rules([], LINK);

  await arrivedOnPage(page, 300);
  await settle(t, { server, sources: await filesOf(folder), most: sum(flying, 'length') });
});
