// The lid is closed in the midst of an upload: the browser stands still for longer than any timeout, and then finds out.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { CONTENT, arrived, begin, chosen, inVain, openBlank, over, settle, some, underWay } from './world.mjs';

const LINK = { up: 6_000_000 };
const TIMEOUT = 1000;
// To the timeout comes the time that a body may take: requests last a second, and eight times that is allowed.
const ASLEEP = TIMEOUT + 9000;

test('laptop sleep', async (t) => {
  const sources = await chosen(await some(t, 300, 50_000));
  const { server, browser, page, proxy } = await openBlank(t, { link: LINK });
  await begin(page, sources, { network: { timeout: TIMEOUT } });
  await proxy.passed(4_000_000);
  const processes = await family(browser.pid);
  // The network stands still as well, or what is in the kernel's buffers would be sent and answered meanwhile.
  await proxy.rules([], { up: 1 });
  for (const pid of processes) process.kill(pid, 'SIGSTOP');
  const asleep = await underWay(proxy);
  try {
    await new Promise((late) => setTimeout(late, ASLEEP));
  } finally {
    await proxy.rules([], LINK);
    for (const pid of processes) process.kill(pid, 'SIGCONT');
  }
  const end = await over(page);
  arrived(end);
  assert.ok(asleep.some(({ length }) => length > CONTENT), 'nothing was under way');
  t.diagnostic(`${asleep.length} requests were under way; phases: ${end.phases}`);
  // They may be given up for lost, but nothing else.
  const vain = (await proxy.log()).filter(({ status }) => status === 0);
  assert.ok(vain.length <= asleep.length, `${vain.length} requests were given up`);
  await settle(t, { server, batchId: end.batchId, sources, most: () => inVain(proxy) });
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
