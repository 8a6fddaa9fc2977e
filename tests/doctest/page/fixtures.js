// Files, directories and batches for the functions of a document, by the names of their parameters.
import { CloudIndex } from '/dist/index.js';

export const sandbox = {
  apiKey: '',
  maxBatchSize: 100_000,
  /** Arguments of each console.log of the block. */
  logged: [],
  /** Calls of the application's own functions. */
  recorded: [],
  /** Errors that nobody caught. */
  failures: [],
};

/** Text of `length` characters that no other name shares. */
export function contentOf(name, length = 700) {
  return `${name}\n`.repeat(Math.ceil(length / (name.length + 1))).slice(0, length);
}

export function someFiles(count, prefix = 'page') {
  return Array.from({ length: count }, (_, i) => {
    const name = `${prefix} ${i}.txt`;
    return new File([contentOf(name, 300 + (i * 137) % 4000)], name, { type: 'text/plain' });
  });
}

let directories = 0;

/** A directory of the origin's private file system, files in two levels of folders. */
export async function someDirectory(count) {
  const origin = await navigator.storage.getDirectory();
  const root = await origin.getDirectoryHandle(`library ${++directories}`, { create: true });
  for (let i = 0; i < count; i++) {
    const shelf = await root.getDirectoryHandle(`shelf ${i % 5}`, { create: true });
    const folder = i % 2 ? await shelf.getDirectoryHandle('old', { create: true }) : shelf;
    const name = `book ${i}.md`;
    const handle = await folder.getFileHandle(name, { create: true });
    const out = await handle.createWritable();
    await out.write(contentOf(name, 200 + (i * 91) % 3000));
    await out.close();
  }
  return root;
}

let client;

/** A client of our own, beside the document's. */
export function ours() {
  client ??= new CloudIndex({ apiKey: sandbox.apiKey });
  return client;
}

/** The id of a batch that is processed: so many texts, and a picture that has none. */
export async function someBatch(count = 12) {
  return processed([...someFiles(count, 'batch'), picture()], 'doctest');
}

/** Uploads these files to a batch of their own, and returns its id when the server has done with it. */
export async function processed(files, name) {
  const { id } = await ours().batches.create({ name });
  const results = await ours().documents.uploadBatch(files, { batchId: id });
  for (const { path, status, error } of results) if (status !== 'committed') throw error ?? new Error(`${path}: ${status}`);
  await ours().batches.complete(id);
  await until(`the end of batch ${id}`, async () => (await ours().batches.getStatus(id)).status === 'completed');
  return id;
}

/** Asks until it is so. */
async function until(what, check, timeout = 30_000) {
  const end = performance.now() + timeout;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`${what}: not after ${timeout} ms`);
    await new Promise((next) => { setTimeout(next, 30); });
  }
}

/** Asks the side that has the server and what stands before it (world.mjs). */
export async function world(call, ...args) {
  const response = await fetch('/doctest/world', { method: 'POST', body: JSON.stringify({ call, args }) });
  if (!response.ok) throw new Error(`${call}: ${await response.text()}`);
  return response.json();
}

/** What `look()` says once it says something, and the same for a quarter of a second. */
export async function still(look, timeout = 30_000) {
  const end = performance.now() + timeout;
  for (let [last, since] = [undefined, 0]; performance.now() < end;) {
    const now = await look();
    if (now !== last) [last, since] = [now, performance.now()];
    if (now && performance.now() - since > 250) return now;
    await new Promise((next) => { setTimeout(next, 20); });
  }
  throw new Error(`not still after ${timeout} ms: ${look}`);
}

/** A file of so many bytes that takes none of the page's memory. */
export function large(name, size) {
  const piece = new Blob([new Uint8Array(1 << 20)]);
  const whole = Array(Math.ceil(size / piece.size)).fill(piece);
  return new File([new Blob(whole).slice(0, size)], name);
}

/** Uploads a batch that has this webhook, and everything else as the document's own configuration says; returns its id. */
export async function uploadTracked(webhookUrl) {
  const config = globalThis.batchConfig ?? {};
  const client = globalThis.cloudindex?.batches ? globalThis.cloudindex : ours();
  const batch = await client.batches.create({ ...config, name: 'doctest with a webhook', tracking: { ...config.tracking, webhookUrl } });
  const { tracking, ...options } = config; // the server follows this one
  const results = await client.documents.uploadBatch([...someFiles(300, 'tracked'), picture()], { ...options, batchId: batch.id });
  for (const { path, status, error } of results) expect(status === 'committed', `${path} is ${status}: ${error?.message}`);
  await client.batches.complete(batch.id);
  return batch.id;
}

/** What no text can be had from. */
export function picture(name = 'picture.png') {
  return new File([new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52])], name, { type: 'image/png' });
}

export async function argument(parameter) {
  switch (parameter) {
    case 'files': return someFiles(8);
    case 'file': return someFiles(1)[0];
    case 'directory': return someDirectory(30);
    case 'batchId': return someBatch();
    case 'event': {
      const transfer = new DataTransfer();
      for (const file of someFiles(3, 'dropped')) transfer.items.add(file);
      return new DragEvent('drop', { dataTransfer: transfer });
    }
    default: throw new Error(`The doctest knows nothing to give for a parameter named "${parameter}" (files, file, directory, batchId, event)`);
  }
}

/** The bytes that the server holds for a document. */
export async function stored(documentId) {
  return (await get(`${documentId}/content`)).text();
}

/** The server's record of a document. */
export async function document(documentId) {
  return (await get(documentId)).json();
}

async function get(path) {
  const response = await fetch(`/v1/documents/${path}`, { headers: { Authorization: `Bearer ${sandbox.apiKey}` } });
  if (!response.ok) throw new Error(`GET ${path}: ${response.status}`);
  return response;
}

export function expect(condition, message) {
  if (!condition) throw new Error(message);
}

/** Every file is on the server with its own bytes. */
export async function expectStored(results, expected) {
  expect(Array.isArray(results), 'there are no results');
  expect(results.length === expected.size, `${results.length} results for ${expected.size} files`);
  for (const result of results) {
    expect(result.status === 'committed', `${result.path} is ${result.status}: ${result.error?.message}`);
    const text = expected.get(result.path);
    expect(text !== undefined, `nobody gave a file ${result.path}`);
    expect(await stored(result.documentId) === text, `${result.path} has other bytes on the server`);
  }
}

/** Paths and texts of a directory's files. */
export async function textsOf(directory, lead = `${directory.name}/`, into = new Map()) {
  for await (const [name, handle] of directory.entries()) {
    if (handle.kind === 'directory') await textsOf(handle, `${lead}${name}/`, into);
    else into.set(lead + name, await (await handle.getFile()).text());
  }
  return into;
}
