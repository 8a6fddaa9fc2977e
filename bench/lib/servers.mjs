// What contenders upload to. Each: `{ url, pid, page, figures(), verify(workload), stop() }`; `page` is where its contenders run.
// `figures()`: `{ files, requests, firstByte }`, the last in milliseconds since 1970.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Server, UPLOAD_ALONE } from '../../tests/e2e/server.mjs';
import { RECEIVER } from '../prepare.mjs';
import { CACHE, digests } from '../workloads.mjs';
import { listening } from './process.mjs';

export const SERVERS = {
  cloudindex,
  receiver,
  copyparty: async () => (await import('./copyparty.mjs')).start(),
};

const folders = new Set();
// Where a bench is ended before its time.
process.on('exit', () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** An empty folder on the disk that the workloads are on. */
export async function scratch() {
  const folder = await mkdtemp(join(CACHE, 'data-'));
  folders.add(folder);
  return folder;
}

export async function clear(folder) {
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  folders.delete(folder);
}

async function receiver() {
  const data = await scratch();
  const { url, pid, stop } = await listening(RECEIVER, ['receive', data]);
  return {
    url,
    pid,
    page: '/',
    async figures() {
      const { files, requests, firstByteUs } = await (await fetch(`${url}/stats`)).json();
      return { files, requests, firstByte: firstByteUs && firstByteUs / 1000 };
    },
    // Its files are N-NAME.
    verify: async (workload) => differences(workload, (await digests(data)).map((row) => ({ ...row, name: row.name.replace(/^\d+-/, '') }))),
    async stop() {
      await stop();
      await clear(data);
    },
  };
}

/** Every file once, by name and digest. Names without folders: not every peer tells them. */
export function differences(workload, found) {
  const key = ({ name, digest }) => `${digest} ${name.slice(name.lastIndexOf('/') + 1)}`;
  const left = new Map();
  for (const row of workload.digests) left.set(key(row), (left.get(key(row)) ?? 0) + 1);
  let extra = 0;
  for (const row of found) {
    const count = left.get(key(row)) ?? 0;
    if (count === 0) extra += 1;
    else left.set(key(row), count - 1);
  }
  const missing = [...left.values()].reduce((sum, count) => sum + count, 0);
  return { missing, extra };
}

async function cloudindex() {
  const data = await scratch();
  const server = await Server.start(UPLOAD_ALONE, { data });
  const started = firstBlock(server);
  return {
    url: server.url,
    pid: server.pid,
    // A document of that origin that runs nothing: Chromium shows JSON in an HTML page.
    page: '/page/config.json',
    async figures() {
      const metrics = await server.metrics();
      const sum = (word) => Object.entries(metrics).reduce((sum, [name, value]) => (name.includes(word) ? sum + value : sum), 0);
      return { files: sum('documents_total{outcome="committed"'), requests: sum('route="/v1/'), firstByte: started.at };
    },
    /** The server checked each block against its digest. Left to show: the blocks that documents name make up the files. */
    verify: (workload) => verifyDocuments(server, workload),
    async stop() {
      started.stop();
      await server.stop('SIGKILL');
      await clear(data);
    },
  };
}

/** Asks every 5 ms whether bytes of a block have come. The answer takes the server some 50 µs. */
function firstBlock(server) {
  const found = { at: 0, stop: () => clearInterval(timer) };
  const timer = setInterval(async () => {
    const metrics = await server.metrics().catch(() => ({}));
    if (!(metrics.cloudindex_block_bytes_total > 0) || found.at) return;
    found.at = Date.now();
    found.stop();
  }, 5);
  return found;
}

async function verifyDocuments(server, workload) {
  const byPath = new Map(workload.digests.map((row) => [row.name, row]));
  const prefix = workload.folder.slice(workload.folder.lastIndexOf('/') + 1);
  const found = [];
  const large = [];
  for await (const { path, blocks } of server.list(`/v1/batches/${await server.newestBatch()}/documents`, 'documents')) {
    // A chosen folder's files have its name first, chosen files have their names alone.
    const name = path.startsWith(`${prefix}/`) ? path.slice(prefix.length + 1) : path;
    if (blocks.length === 1) found.push({ name, digest: blocks[0][0] });
    else large.push({ name, blocks });
  }
  const byName = new Map(workload.digests.map((row) => [row.name.slice(row.name.lastIndexOf('/') + 1), row]));
  const lines = [];
  for (const { name, blocks } of large) {
    const source = byPath.get(name) ?? byName.get(name);
    if (!source) found.push({ name, digest: 'unknown' });
    else {
      lines.push([join(workload.folder, source.name), ...blocks.flat()].join('\t'));
      found.push({ name, digest: source.digest });
    }
  }
  const wrong = await checkBlocks(lines);
  const { missing, extra } = differences(workload, found);
  return { missing: missing + wrong, extra };
}

/** How many of the files are not made of their blocks. */
async function checkBlocks(lines) {
  if (lines.length === 0) return 0;
  const child = spawn(RECEIVER, ['blocks'], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(`${lines.join('\n')}\n`);
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk;
  return text.split('\n').filter(Boolean).length;
}

