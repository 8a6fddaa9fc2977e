/**
 * Folders listed, and their files opened, in a worker: a page that holds the browser's handles of thousands of files stands
 * still when they are collected (Chromium), a worker may.
 */

/** What is in a folder: a file, why it can't be opened, or a folder and its number. */
interface Node {
  name: string;
  file?: File;
  error?: unknown;
  folder?: number;
}

/** A folder's next nodes. */
interface Slice {
  id: number;
  nodes: Node[];
  done: boolean;
  error?: unknown;
}

/** Nodes in a slice: the first is short, so that something leaves at once. */
const FIRST = 16;
const SLICE = 128;

/** Files of a folder that are opened at once; the browser's own work on them overlaps. */
const OPENING = 64;

/** The worker's side. */
export function serveFolders(port: MessagePort): void {
  const folders = new Map<number, FileSystemDirectoryHandle>();
  const listings = new Map<number, AsyncGenerator<Node[]>>();
  /** A slice of each that is ready before it is asked for. */
  const ahead = new Map<number, Promise<Slice>>();
  let last = 0;

  async function* list(id: number): AsyncGenerator<Node[]> {
    const folder = folders.get(id);
    folders.delete(id);
    const opening: Promise<Node>[] = [];
    let [nodes, most]: [Node[], number] = [[], FIRST];
    for await (const handle of folder?.values() ?? []) {
      const { name } = handle;
      if (handle.kind === 'directory') {
        folders.set(last -= 1, handle);
        nodes.push({ name, folder: last });
      } else {
        opening.push(handle.getFile().then((file) => ({ name, file }), (error: unknown) => ({ name, error })));
      }
      if (opening.length >= OPENING) nodes.push(await opening.shift() as Node);
      if (nodes.length < most) continue;
      yield nodes;
      [nodes, most] = [[], SLICE];
    }
    yield [...nodes, ...await Promise.all(opening)];
  }

  port.onmessage = async ({ data: { id, root } }: MessageEvent<{ id: number; root?: FileSystemDirectoryHandle }>) => {
    if (root) {
      folders.set(id, root);
      return;
    }
    const listing = listings.get(id) ?? list(id);
    listings.set(id, listing);
    const next = () => listing.next().then(
      ({ value, done }): Slice => ({ id, nodes: value ?? [], done: done === true }),
      (error: unknown): Slice => ({ id, nodes: [], done: true, error }),
    );
    const coming = ahead.get(id) ?? next();
    // The generator keeps the order of those that wait.
    ahead.set(id, next());
    const slice = await coming;
    if (slice.done) {
      listings.delete(id);
      ahead.delete(id);
    }
    port.postMessage(slice);
  };
}

/** The page's side: what looks like the handle of a folder, and is listed there. */
export class Folders {
  readonly #port: MessagePort;
  readonly #asked = new Map<number, ((slice: Slice) => void)[]>();
  #last = 0;
  /** The worker never came: folders are listed on the page. */
  #failed = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<Slice>) => this.#asked.get(data.id)?.shift()?.(data);
  }

  /** The same folder; the handle itself where it can't be handed on. */
  open(root: FileSystemDirectoryHandle): unknown {
    if (this.#failed) return root;
    const id = this.#last += 1;
    try {
      this.#port.postMessage({ id, root });
    } catch {
      return root;
    }
    return this.#folder(root.name, id, root);
  }

  /** What was asked is answered. The worker never came, so that only roots were asked, which are listed here instead. */
  fail(): void {
    this.#failed = true;
    const error = new Error('the worker that lists folders did not start');
    for (const [id, asked] of this.#asked) {
      for (const answer of asked.splice(0)) answer({ id, nodes: [], done: true, error });
    }
  }

  #folder(name: string, id: number, root?: FileSystemDirectoryHandle) {
    // Asked now, before the first of them is taken.
    return { kind: 'directory', name, values: () => this.#values(id, this.#ask(id), root) };
  }

  async *#values(id: number, first: Promise<Slice>, root?: FileSystemDirectoryHandle) {
    for (let asked = first; ;) {
      const { nodes, done, error } = await asked;
      if (this.#failed && root) return yield* root.values();
      if (error !== undefined) throw error;
      if (!done) asked = this.#ask(id);
      for (const { name, file, folder, error } of nodes) {
        if (folder !== undefined) yield this.#folder(name, folder);
        else yield { kind: 'file', name, getFile: () => (file ? Promise.resolve(file) : Promise.reject(error)) };
      }
      if (done) return;
    }
  }

  #ask(id: number): Promise<Slice> {
    return new Promise((resolve) => {
      if (this.#failed) return resolve({ id, nodes: [], done: true, error: new Error('nobody lists folders') });
      const waiting = this.#asked.get(id) ?? [];
      this.#asked.set(id, [...waiting, resolve]);
      this.#port.postMessage({ id });
    });
  }
}
