// copyparty, a server with an uploader of its own: from PyPI, in a virtual environment under the cache.
import { existsSync, readdirSync, watch } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Complaint, output, run } from '../../scripts/lib/run.mjs';
import { CACHE, digests } from '../workloads.mjs';
import { stop } from './process.mjs';
import { clear, differences, scratch } from './servers.mjs';

const VERSION = '1.20.26';
const HOME = join(CACHE, `copyparty-${VERSION}`);
const PYTHON = join(HOME, 'bin/python');

export async function install() {
  if (existsSync(join(HOME, 'whole'))) return;
  if ((await output('python3', ['-c', 'import venv, ensurepip'])) === undefined) {
    throw new Complaint('copyparty needs Python 3 with venv. Install it with: apt-get install python3-venv');
  }
  await rm(HOME, { recursive: true, force: true });
  await mkdir(CACHE, { recursive: true });
  await run('python3', ['-m', 'venv', HOME]);
  await run(PYTHON, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `copyparty==${VERSION}`], { label: 'pip' });
  await mkdir(join(HOME, 'whole'));
}

/** Anyone may read and write. All else is as it comes: two chunks at a time, one process, no sync to the disk. */
export async function start() {
  const data = await scratch();
  const [volume, home] = ['volume', 'home'].map((name) => join(data, name));
  await Promise.all([volume, home].map((path) => mkdir(path)));
  const port = await freePort();
  const args = ['-m', 'copyparty', '-q', '-i', '127.0.0.1', '-p', String(port), '-v', `${volume}::rw`, '--hist', home];
  const child = spawn(PYTHON, args, { stdio: 'ignore', env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home } });
  await answering(port, child);
  let first; // its own start writes too: watched from the first question on
  const arrived = () => readdirSync(volume, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !entry.name.endsWith('.PARTIAL'));
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,
    page: '/',
    async figures() {
      first ??= firstWrite(volume);
      return { files: arrived().length, requests: undefined, firstByte: first.at };
    },
    verify: async (workload) => differences(workload, await digests(volume)),
    async stop() {
      first?.close();
      await stop(child);
      await clear(data);
    },
  };
}

/** When something in the volume was first written to: a little after the first byte came. */
function firstWrite(volume) {
  const watcher = watch(volume, (type) => {
    if (type !== 'change') return;
    found.at = Date.now();
    watcher.close();
  });
  const found = { at: 0, close: () => watcher.close() };
  return found;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function answering(port, child) {
  for (let tries = 0; tries < 300; tries += 1) {
    if (child.exitCode !== null) throw new Error(`copyparty ended: ${child.exitCode}`);
    const open = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((next) => setTimeout(next, 100));
  }
  throw new Error('copyparty does not answer');
}
