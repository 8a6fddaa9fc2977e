// Walking what was added: trees of handles or entries, lists, generators. Everything found is told at once, the page gets its
// turn after every few milliseconds, and one entry that can't be read does not stop the rest.
//
// Handles open files faster than entries, but Chromium's leave out, silently, every name that is not portable
// (`a:b`, `x.lnk`, ` lead`) and whole folders so named. Entries have them all, so where there is an entry it is the truth; and
// it tells size and time of a file without opening it, which is much faster again.
import { isFile, one, wrong } from './sources.js';
import { describe, show } from './say.js';

/** Files of a tree that are opened at once; the browser's own work on them overlaps. */
const OPENING = 64;
/** ms of walking before the page gets its turn. */
const TURN = 8;

/** The intake was closed: no error. */
export const CLOSED = Symbol('closed');

/** One call of `add`, for this intake. */
export class Walk {
  #intake;
  #tellsRoots;
  #began = performance.now();

  constructor(intake, tellsRoots) {
    this.#intake = intake;
    this.#tellsRoots = tellsRoots;
  }

  /** Throws what the source threw, a TypeError for what is not accepted in it, or `CLOSED`. */
  async source(source) {
    const { dropped, iterator, asyncIterator } = source;
    if (dropped) await this.#dropped(dropped);
    else if (iterator ?? asyncIterator) await this.#list(iterator ?? asyncIterator);
    else await this.#one(source);
  }

  async #one({ file, ...node }) {
    if (file) return this.#file(file);
    if (this.#tellsRoots && node.handle) this.#intake.root(node.handle);
    return isFolder(node) ? this.#tree(node) : this.#alone(node);
  }

  #file(file) {
    return this.#report({ path: file.webkitRelativePath || file.name, file });
  }

  async #dropped({ handle: promised, entry, file }) {
    // Rejected or null on insecure pages and for what is no real file.
    const handle = await promised.catch(() => undefined) ?? undefined;
    if (handle || entry) return this.#one({ handle, entry });
    if (file) return this.#file(file);
    return this.#report({ path: 'dropped item', error: 'the browser gave neither file nor folder for a dropped item' });
  }

  /** A generator may be of another frame, so that nothing of it is trusted. */
  async #list(iterator) {
    for (;;) {
      const step = await iterator.next();
      if (typeof step !== 'object' || step === null) throw new TypeError('the iterator gave no object');
      if (step.done) return;
      try {
        const source = one(step.value);
        if (!source) throw wrong(step.value);
        await this.#one(source);
      } catch (error) {
        await opened(() => iterator.return?.());
        throw error;
      }
    }
  }

  /** A folder and all below it; paths begin with its name. By its handle as far as that goes, then what is missing there by
   *  its entry; by its entry alone where its files are known. */
  async #tree({ handle, entry }) {
    const path = nameOf({ handle, entry });
    const folders = [this.#ahead(path, handle && this.#intake.away(handle), entry)];
    // Its files are opened while the journal is looked for.
    let begun = list(folders[0].handle);
    for (let at = 0; at < folders.length; at++) {
      const folder = folders[at];
      folders[at] = undefined;
      const looks = await folder.known;
      if (looks) await opened(() => begun?.return?.());
      const values = looks ? undefined : begun ?? list(folder.handle);
      // While the files of this folder are opened, the next one is listed already.
      begun = looks ? undefined : list(folders[at + 1]?.handle);
      const inside = { seen: new Set(), folders: new Map() };
      if (values) await this.#byHandle(folder, inside, values);
      if (folder.entry) await this.#byEntry(folder, inside, looks, folders);
      for (const [name, handle] of inside.folders) folders.push(this.#ahead(`${folder.path}/${name}`, handle, undefined));
    }
  }

  /** What is known of a folder is asked for when it is found: the answer is there when it is its turn. */
  #ahead(path, handle, entry) {
    return { path, handle, entry, known: entry && this.#intake.recall(path) };
  }

  /** Opens what the handle lists. */
  async #byHandle({ path, entry }, { seen, folders }, values) {
    const opening = [];
    const next = async () => {
      const [name, opened] = opening.shift();
      const found = await opened;
      // What can't be opened so may be by its entry.
      if (entry && found.error !== undefined) return;
      if (entry) seen.add(name);
      await this.#report({ path: `${path}/${name}`, ...found });
    };
    try {
      for (;;) {
        const { done, value: handle } = await values.next();
        if (done) break;
        const name = nameOf({ handle });
        if (isFolder({ handle })) folders.set(name, handle);
        else opening.push([name, opened(() => handle.getFile())]);
        if (opening.length >= OPENING) await next();
        await this.#turn();
      }
    } catch (error) {
      if (error === CLOSED) throw error;
      // What is not listed here has an entry.
      if (!entry) await this.#report({ path, error: describe(error) });
    }
    while (opening.length > 0) await next();
  }

  /** Opens what the handle did not list, or looks at all; and pairs folders with their handles. */
  async #byEntry({ path, entry: folder }, { seen, folders }, looks, ahead) {
    const opening = [];
    const next = async () => {
      const [path, found] = opening.shift();
      await this.#report({ path, ...await found });
    };
    const file = async (entry) => {
      const name = nameOf({ entry });
      if (seen.delete(name)) return;
      const inner = `${path}/${name}`;
      opening.push([inner, looks ? lookedAt(entry) : open(entry)]);
      if (opening.length >= OPENING) await next();
    };
    // A name that the browser gives out holds the page when it is collected (Chromium: 100,000 of them for 50 ms, in one piece).
    // Where the handle had as many files as there are entries, they are the same ones, and nobody has to ask.
    let unnamed = [];
    try {
      const reader = folder.createReader();
      // Until it gives nothing: Chromium gives a hundred at a time.
      for (;;) {
        const entries = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
        if (!(entries?.length > 0)) break;
        for (const entry of entries) {
          if (!isFolder({ entry })) {
            if (seen.size === 0) await file(entry);
            else unnamed.push(entry);
            continue;
          }
          const name = nameOf({ entry });
          ahead.push(this.#ahead(`${path}/${name}`, folders.get(name), entry));
          folders.delete(name);
        }
        await this.#turn();
      }
      if (unnamed.length === seen.size) unnamed = [];
    } catch (error) {
      if (error === CLOSED) throw error;
      await this.#report({ path, error: describe(error) });
    }
    for (const entry of unnamed) await file(entry);
    while (opening.length > 0) await next();
  }

  /** A file that is no part of a folder. */
  async #alone({ handle, entry }) {
    let found = handle && await opened(() => handle.getFile());
    if (entry && (!found || found.error !== undefined)) found = await open(entry);
    await this.#report({ path: nameOf({ handle, entry }), ...found });
  }

  /** `found`: a path with its `file`, with an `error`, or with the `entry`, `size` and `lastModified` of what was looked at. */
  async #report(found) {
    await this.#intake.pass();
    this.#intake.push(found);
    await this.#turn();
  }

  /** Gives the page its turn, if it is time. */
  async #turn() {
    if (performance.now() - this.#began <= TURN) return;
    await macrotask();
    this.#began = performance.now();
  }
}

/** Opens a file by its entry. */
export const open = (entry) => opened(() => callback(entry, 'file'));

/** `{ file }`, or `{ error }`: why there is none. */
const opened = async (work) => {
  try {
    const file = await work();
    return isFile(file) ? { file } : { error: `the browser gave ${show(file)} for a file` };
  } catch (error) {
    return { error: describe(error) };
  }
};

/** Size and time of what is not opened; what can't be looked at is. */
const lookedAt = async (entry) => {
  try {
    const { size, modificationTime } = await callback(entry, 'getMetadata');
    const lastModified = modificationTime.getTime();
    if (size >= 0 && lastModified >= 0) return { entry, size, lastModified };
  } catch {
    // It may be opened all the same.
  }
  return open(entry);
};

/** Begins to list what has a handle. */
const list = (handle) => {
  try {
    return handle?.values();
  } catch (error) {
    return { next: () => Promise.reject(error) };
  }
};

/** A method that takes a callback for success and one for failure. */
const callback = (object, method) => new Promise((resolve, reject) => { object[method](resolve, reject); });

const isFolder = ({ handle, entry }) => (entry ? entry.isDirectory : handle.kind === 'directory');

/** Chromium's name for a name that is not UTF-8 is empty. */
const nameOf = ({ handle, entry }) => (entry ?? handle).name || '\u{fffd}';

/** A turn of the event loop. A message, because nested timeouts are held back 4 ms, and `scheduler.yield` starves paints. */
const macrotask = () => new Promise((resolve) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => resolve(port1.close());
  port2.postMessage(0);
});
