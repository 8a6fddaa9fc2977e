// The page's side: walks that find files, rows for what they find, and the port to the engine. JavaScript, because there is
// little to reckon and much to ask of the browser: in Rust it was more bytes on the wire. `host.ts` has the port's other end.
import { complain, describe, show } from './say.js';
import { take } from './sources.js';
import { CLOSED, Walk, open } from './walk.js';

/** Files a message. Enough that messages cost little, few enough that hooks of some µs a file are no gap. */
const SLICE = 128;
/** ms that a found file waits for company; the first does not wait. */
const LINGER = 16;
/** Handles that are kept of one drop, at most. */
const ROOTS = 50;

// Kinds of messages, as in host.ts.
const [FOUND, INTAKE_ENDED, ROOT, FOLDER, OPENED] = [0, 1, 2, 3, 4];
const [PAUSE_WALK, RESUME_WALK, KNOWN_FOLDER, NEW_FOLDER, OPEN] = [0, 1, 2, 3, 4];
/** Places in a row. */
const [UNREADABLE, FILE] = [6, 7];

/** All that the page holds of one upload. */
export class Intake {
  #port;
  #hooks;
  /** Found, and without a row yet. */
  #seen = [];
  #rows = 0;
  #flushed = -Infinity;
  #timer;
  /** Entries of rows that were not opened. */
  #unopened = new Map();
  /** Walks under way. */
  #walks = 0;
  /** open, shut or closed. */
  #state = 'open';
  /** Walks that wait: for the gate, and for what is known of a folder. */
  #waiting = [];
  #asked = [];

  /** Hooks: see intake.d.ts. Throws a TypeError for what is none. */
  constructor(port, hooks) {
    for (const name of ['found', 'opened', 'metadata', 'groupBy']) {
      const hook = hooks?.[name] ?? undefined;
      if (name === 'found' && hook === undefined) throw new TypeError('found(first, files, paths) must be given');
      if (hook !== undefined && typeof hook !== 'function') throw new TypeError(`${name} must be a function`);
    }
    this.#port = port;
    this.#hooks = hooks;
    port.onmessage = ({ data }) => this.#heard(data);
  }

  /** Takes what the source offers now, then walks it; resolves at its end. */
  add(source) {
    try {
      return this.walk(take(source));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Walks what `take` gave. */
  async walk(sources) {
    this.#walks += 1;
    // Only a journal wants handles; of a few folders and files, not of thousands of loose ones: the browser would ask the user
    // for each, and each costs a trip to the browser process.
    const walk = new Walk(this, Boolean(this.#hooks.roots) && sources.length <= ROOTS);
    try {
      for (const source of sources) await walk.source(source);
    } catch (error) {
      if (error !== CLOSED) throw error;
    } finally {
      this.#flush();
      this.#walks -= 1;
      if (this.#walks === 0) this.#port.postMessage([INTAKE_ENDED]);
    }
  }

  /** Stops walks; frees. */
  close() {
    this.#release('closed');
    for (const told of this.#asked.splice(0)) told(false);
    clearTimeout(this.#timer);
    this.#seen = [];
    this.#unopened.clear();
    this.#port.close();
  }

  /** For walks: what is found next came by this handle. */
  root(handle) {
    try {
      this.#port.postMessage([ROOT, handle]);
    } catch (error) {
      complain(`a handle can't be kept: ${describe(error)}`);
    }
  }

  /** The folder of this handle, listed where that does not hold the page. */
  away(handle) {
    try {
      return this.#hooks.away?.(handle) ?? handle;
    } catch {
      return handle;
    }
  }

  /** Whether the files of a folder are known, so that it may be enough to look at them. Only a journal can tell; and an
   *  application that wants to see each file must. */
  recall(path) {
    const { roots, opensAll, metadata, groupBy } = this.#hooks;
    if (!roots || opensAll || metadata || groupBy || this.#state === 'closed') return false;
    this.#port.postMessage([FOLDER, path]);
    return new Promise((resolve) => { this.#asked.push(resolve); });
  }

  /** Waits while the engine has enough. */
  async pass() {
    while (this.#state === 'shut') await new Promise((resolve) => { this.#waiting.push(resolve); });
    if (this.#state === 'closed') throw CLOSED;
  }

  /** Looks at the file, which for a plain `File` is a trip to the browser process. Once made, it costs nothing to hand the file to
   *  a worker; unmade, that costs more. Here, because between two of them the page may have its turn. */
  push(found) {
    try {
      void found.file?.size;
    } catch {
      // What only looks like a file: `#row` says what is wrong with it.
    }
    this.#seen.push(found);
    const due = this.#flushed + LINGER - performance.now();
    if (this.#seen.length >= SLICE || due <= 0) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), due);
  }

  /** Sends what waits. */
  #flush() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const seen = this.#seen.splice(0);
    if (seen.length === 0) return;
    // The hooks are the application's code and may call anything: rows are given only after the last of them.
    const rows = seen.map((found) => this.#row(found));
    const first = this.#rows;
    this.#rows += rows.length;
    seen.forEach(({ entry }, i) => { if (entry) this.#unopened.set(first + i, entry); });
    this.#post(rows);
    this.#flushed = performance.now();
    this.#tell('found', first, seen.map(({ file }) => file ?? null), seen.map(({ path }) => path));
  }

  /** A row as the host reads it: path, type, size, time, metadata, group, why it can't be read, file. */
  #row({ path, file, error, size, lastModified }) {
    if (!file) return [path, '', size, lastModified, undefined, undefined, error, undefined];
    const row = [path, '', undefined, undefined, undefined, undefined, undefined, file];
    try {
      [row[1], row[2], row[3]] = [file.type, file.size, Math.max(file.lastModified, 0)];
      row[4] = this.#metadata(file);
      row[5] = this.#group(file);
    } catch (thrown) {
      row[UNREADABLE] = thrown.message;
    }
    return row;
  }

  /** One that only looks like a file can't be handed on; it is told as what can't be read, and takes nobody along. */
  #post(rows) {
    try {
      return this.#port.postMessage([FOUND, ...rows]);
    } catch {
      // Which of them it is, each tells by itself.
    }
    for (const row of rows) {
      try {
        this.#port.postMessage([FOUND, row]);
      } catch (error) {
        [row[UNREADABLE], row[FILE]] = [describe(error), undefined];
        this.#port.postMessage([FOUND, row]);
      }
    }
  }

  /** What `metadata(file)` says, as JSON. */
  #metadata(file) {
    const { metadata } = this.#hooks;
    const said = ask('metadata(file)', () => metadata?.(file)) ?? undefined;
    if (said === undefined) return undefined;
    if (said instanceof Promise) throw new Error('metadata(file) gave a promise; it must give an object at once');
    if (typeof said !== 'object' || Array.isArray(said)) throw new Error(`metadata(file) gave ${show(said)}; it must give an object`);
    // Undefined where the object's toJSON gives nothing.
    return ask('JSON of metadata(file)', () => JSON.stringify(said));
  }

  /** What `groupBy(file)` says; numbers and booleans are as good as their text. */
  #group(file) {
    const { groupBy } = this.#hooks;
    const said = ask('groupBy(file)', () => groupBy?.(file)) ?? undefined;
    if (['object', 'function', 'symbol'].includes(typeof said)) throw new Error(`groupBy(file) gave ${show(said)}; it must give a text`);
    return said === undefined ? undefined : String(said);
  }

  #tell(hook, ...words) {
    try {
      this.#hooks[hook]?.(...words);
    } catch (error) {
      complain(`${hook}() threw ${describe(error)}`);
    }
  }

  /** A file that was only looked at is to be read. What can't be opened may be later. */
  async #open(row) {
    const entry = this.#unopened.get(row);
    if (!entry) return; // It is being opened.
    this.#unopened.delete(row);
    const { file, error } = await open(entry);
    if (file) {
      this.#tell('opened', row, file);
    } else if (this.#state !== 'closed') {
      this.#unopened.set(row, entry);
    }
    try {
      void file?.size; // As in `push`.
      this.#port.postMessage([OPENED, row, file ?? error]);
    } catch (error) {
      this.#port.postMessage([OPENED, row, describe(error)]);
    }
  }

  #release(state) {
    this.#state = state;
    for (const go of this.#waiting.splice(0)) go();
  }

  /** What the engine says. */
  #heard(message) {
    const [kind, ...rows] = Array.isArray(message) ? message : [];
    switch (kind) {
      case PAUSE_WALK:
        if (this.#state === 'open') this.#state = 'shut';
        break;
      case RESUME_WALK:
        if (this.#state === 'shut') this.#release('open');
        break;
      case KNOWN_FOLDER:
      case NEW_FOLDER:
        this.#asked.shift()?.(kind === KNOWN_FOLDER);
        break;
      case OPEN:
        for (const row of rows) void this.#open(row);
        break;
      default:
        complain(`the host sent ${show(message)}`);
    }
  }
}

/** What the application's code gives; an error of it with its name. */
const ask = (name, work) => {
  try {
    return work();
  } catch (error) {
    throw new Error(`${name} threw ${describe(error)}`);
  }
};
