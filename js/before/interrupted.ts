/** What an earlier page left: its upload, and the handles by which it goes on. */
import { look } from '../../src/journal.js';
import { asUploadError } from '../errors.js';
import { joined, lengthsOf } from '../host/bytes.js';
import { loadWasm } from '../wasm.js';
import { optionsOf, toJson } from '../words.js';
import type { Connection } from '../connection.js';

/** An upload that was left. */
export interface Left {
  batchId: string;
  /** ms since 1970. */
  since: number;
  files: number;
  total: number;
  bytes: number;
  /** The journal is in use now. */
  elsewhere: boolean;
  roots: FileSystemHandle[];
}

/** Nothing where no journal is wanted or the browser has none. */
export async function left({ wasmUrl, baseUrl }: Connection, resume: unknown): Promise<Left | undefined> {
  if (resume === undefined || resume === false) return undefined;
  await loadWasm(wasmUrl);
  const options = toJson({ resume, baseUrl });
  try {
    const scope = optionsOf(options).journal();
    const found = scope === undefined ? undefined : await look(scope).catch(() => undefined);
    if (!found) return undefined;
    const { records, roots, elsewhere } = found;
    const said = optionsOf(options).unfinished(joined(records), lengthsOf(records), Date.now());
    return said === undefined ? undefined : { ...JSON.parse(said), roots, elsewhere };
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
