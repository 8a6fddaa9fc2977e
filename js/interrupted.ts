/** What an earlier page left: its upload, and the handles by which it goes on. */
import { left as read } from './glue.js';
import type { Left } from './glue.js';
import { asUploadError } from './errors.js';
import { loadWasm } from './wasm.js';
import { toJson } from './words.js';
import type { Connection } from './connection.js';

/** Nothing where no journal is wanted or the browser has none. */
export async function left({ wasmUrl, baseUrl }: Connection, resume: unknown): Promise<Left | undefined> {
  if (resume === undefined || resume === false) return undefined;
  await loadWasm(wasmUrl);
  try {
    return await read(toJson({ resume, baseUrl }));
  } catch (thrown) {
    throw asUploadError(thrown);
  }
}

/** Only Chromium keeps handles, and asks for them. */
type Asking = FileSystemHandle & Record<'queryPermission' | 'requestPermission', (how: { mode: 'read' }) => Promise<PermissionState>>;

/** Those that the user lets the page read; asked one after the other, as the browser wants it. */
export async function allowed(roots: FileSystemHandle[]): Promise<FileSystemHandle[]> {
  const granted: FileSystemHandle[] = [];
  for (const root of roots as Asking[]) {
    // Where nobody clicked, asking throws: it is a no.
    const answer = await root.queryPermission({ mode: 'read' }) === 'granted' || await root.requestPermission({ mode: 'read' }).catch(() => 'denied') === 'granted';
    if (answer) granted.push(root);
  }
  return granted;
}
