// The network goes away and comes back: the browser tells, or the upload has to find out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drop, told } from '../e2e/element.mjs';
import { filesOf } from '../e2e/verify.mjs';
import { arrivedOnPage, open, settle, some, underWay } from './world.mjs';

const SIZE = 50_000;
const LINK = { up: 6_000_000 };

/** Everything on the way breaks, and nothing gets through. Returns what was on the way. */
async function unplug(proxy) {
  await proxy.rules([{ on: 'GET /healthz', fault: 'reset' }, { on: '*', fault: 'reset' }]);
  const flying = await underWay(proxy);
  await proxy.sever();
  return flying;
}

const notice = (page) => told(page, /^No connection/);

test('offline and back', async (t) => {
  const folder = await some(t, 300, SIZE);
  const { server, page, proxy } = await open(t, { link: LINK });
  await page.inNewWorkers(() => {});
  await drop(page, [folder]);
  await proxy.passed(4_000_000);
  // DevTools' switch leaves workers alone, so the events are given to the worker as the browser gives them.
  const tell = (type) => page.evaluateInWorkers(`() => dispatchEvent(new Event('${type}'))`);
  const flying = await unplug(proxy);
  await tell('offline');
  await notice(page);
  // Some probes, so that the next one is likely to be seconds away by itself.
  await proxy.struck(0, 3);
  // The browser by itself repeats a request once whose kept connection was reset; and one may leave between the look at what is
  // under way and the word that the network is gone. Nothing else but probes goes out.
  const [probes, all] = (await proxy.stats()).rules;
  const others = all.struck - probes.struck;
  assert.ok(others <= flying.length + 1, `${others} requests for ${flying.length} that broke`);

  await proxy.rules([], LINK);
  const { passed } = (await proxy.stats()).total;
  const back = performance.now();
  await tell('online');
  await proxy.passed(passed + 1);
  assert.ok(performance.now() - back < 1000, 'the event was not heeded');
  await arrivedOnPage(page, 300);
  // The server keeps what came whole, and is asked: of each request that broke, one file at most had come in part.
  await settle(t, { server, sources: await filesOf(folder), most: flying.length * SIZE });
});

test('network gone and nobody told', async (t) => {
  const folder = await some(t, 300, SIZE);
  const { server, page, proxy } = await open(t, { link: LINK });
  await drop(page, [folder]);
  await proxy.passed(4_000_000);
  const flying = await unplug(proxy);
  await notice(page);
  await proxy.struck(0, 2);
  await proxy.rules([], LINK);
  await arrivedOnPage(page, 300);
  await settle(t, { server, sources: await filesOf(folder), most: flying.length * SIZE });
});
