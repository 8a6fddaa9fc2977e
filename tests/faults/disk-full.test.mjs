// The server's disk fills up, and gets room again.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { drop, figures, finished, press, shown, told } from '../e2e/element.mjs';
import { filesOf } from '../e2e/verify.mjs';
import { CONTENT, eventually, inVain, open, settle, some } from './world.mjs';

test('disk full', async (t) => {
  assert.equal(process.getuid(), 0, 'a small disk is mounted, which only root may do: run it by sudo');
  const data = await mkdtemp(join(tmpdir(), 'cloudindex-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', data]);
  t.after(async () => {
    execFileSync('umount', ['--lazy', data]);
    await rmdir(data);
  });
  const folder = await some(t, 500, 50_000);
  const { server, page, proxy } = await open(t, { serverOptions: { data }, link: { up: 12_000_000 } });
  await drop(page, [folder]);
  const refused = async () => (await proxy.log()).filter(({ status, length }) => status >= 500 && length > CONTENT);
  await eventually(async () => (await refused()).length > 0);
  assert.deepEqual([...new Set((await refused()).map(({ status }) => status))], [507]);
  // The page says why it waits.
  await told(page, /disk|storage|space|room/, 5000)
    .catch(async () => assert.fail(`nothing of a full disk on the page: ${JSON.stringify((await shown(page)).notice)}`));

  execFileSync('mount', ['-o', 'remount,size=64m', data]);
  const end = await finished(page);
  if (end.failed !== '0') {
    await press(page, 'retry');
    await figures(page, '500 of 500');
  }
  assert.deepEqual([(await shown(page)).count, (await shown(page)).failed], ['500 of 500', '0']);
  // Those that were refused had been sent.
  await settle(t, { server, sources: await filesOf(folder), most: () => inVain(proxy) });
});
