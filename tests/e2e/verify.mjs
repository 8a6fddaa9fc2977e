// Does the server hold exactly what was given: every path, and behind each path the very bytes?
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';

const AT_ONCE = 8;

/** The files of a folder under the paths that their documents should have: the folder's own name first. Links are left
 *  out, as Chromium leaves them out. */
export async function filesOf(folder) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.map((path) => [`${basename(folder)}/${relative(folder, path)}`, path]));
}

/** Compares a batch with its sources (document path → file on disk), by the SHA-256 of what is fetched and what is read. */
export async function compare(server, batchId, sources) {
  const result = { files: 0, bytes: 0, missing: [], extra: [], different: [] };
  const left = new Map(sources);
  const documents = server.list(`/v1/batches/${batchId}/documents`, 'documents');
  // One generator, many hands: each takes the next document as soon as it is free.
  const check = async () => {
    for await (const { id, path, size } of documents) {
      const source = left.get(path);
      if (source === undefined) {
        result.extra.push(path);
        continue;
      }
      left.delete(path);
      const [stored, given] = await Promise.all([
        server.request(`/v1/documents/${id}/content`).then(digest),
        digest(createReadStream(source)),
      ]);
      if (stored.sha256 !== given.sha256 || size !== given.bytes) result.different.push(path);
      result.files += 1;
      result.bytes += stored.bytes;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, check));
  result.missing = [...left.keys()];
  return result;
}

/** Fails with the paths when anything differs. Returns how many files and bytes agree. */
export async function verify(server, batchId, sources) {
  const { files, bytes, ...wrong } = await compare(server, batchId, sources);
  assert.deepEqual(wrong, { missing: [], extra: [], different: [] });
  assert.equal(files, sources.size);
  return { files, bytes };
}

async function digest(stream) {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}
