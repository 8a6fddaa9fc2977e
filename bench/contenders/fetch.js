// What one writes without a library: one file a request, as many at a time as HTTP/1.1 gives a host.
import { ok, pool } from './lib/requests.js';

export function upload(files) {
  return pool(files, 6, async (file) => ok(await fetch(`/raw/${encodeURIComponent(file.name)}`, { method: 'PUT', body: file })));
}
