// The lid is closed in the midst of an upload: the browser stands still for longer than any timeout, and then finds out.
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { arrived, begin, chosen, openBlank, over, settle, some, sum, underWay } from './world.mjs';

const TIMEOUT = 1500;

test('laptop sleep', async (t) => {
  const sources = await chosen(await some(t, 300, 50_000));
  const { server, browser, page, proxy } = await openBlank(t, { link: { up: 6_000_000 } });
  await begin(page, sources, { network: { timeout: TIMEOUT } });
  await proxy.passed(4_000_000);
  const processes = await family(browser.pid);
  for (const pid of processes) process.kill(pid, 'SIGSTOP');
  const asleep = await underWay(proxy);
  try {
    await new Promise((late) => setTimeout(late, 3 * TIMEOUT));
  } finally {
    for (const pid of processes) process.kill(pid, 'SIGCONT');
  }
  const end = await over(page);
  arrived(end);
  // What was under way when it fell asleep may be given up for lost.
  await settle(t, { server, batchId: end.batchId, sources, most: sum(asleep, 'length') });
});

/** A process and all that descend from it. */
async function family(pid) {
  const parents = new Map();
  for (const entry of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    // The second field, the name, may have spaces and brackets: count from its end.
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    parents.set(parent, [...(parents.get(parent) ?? []), Number(entry)]);
  }
  const members = [pid];
  for (const member of members) members.push(...(parents.get(member) ?? []));
  return members;
}
