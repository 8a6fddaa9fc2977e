// The server is killed in the midst of bundles and started again: what it acknowledged is there, the rest comes by itself.
import { test } from 'node:test';
import { drop } from '../e2e/element.mjs';
import { filesOf } from '../e2e/verify.mjs';
import { arrivedOnPage, open, settle, some, still, sum, underWay } from './world.mjs';

const LINK = { up: 8_000_000 };

test('server killed and restarted', async (t) => {
  const folder = await some(t, 400, 50_000);
  const { server, page, proxy } = await open(t, { link: LINK });
  await drop(page, [folder]);
  let [before, most, since] = [0, 0, 0];
  for (const moment of [1_300_000, 6_000_000, 12_000_000]) {
    await proxy.passed(moment);
    before += await still(server, proxy, since);
    most += sum(await underWay(proxy), 'passed');
    await server.kill();
    await proxy.sever(); // whatever is in its hands is lost with the server
    since = (await proxy.stats()).total.passed;
    await server.restart();
    await proxy.rules([], LINK);
  }
  await arrivedOnPage(page, 400);
  await settle(t, { server, sources: await filesOf(folder), most, before });
});
