// What outlives the page, in IndexedDB, and the lock by which one page at a time has it. JavaScript, because in Rust it was
// three times the bytes on the wire; `tests/web/journal.rs` has its tests.

/** The database; also how every lock's name begins. */
const NAME = 'cloudindex-uploader';
/** By `[scope, number]`, numbers from 0. */
const RECORDS = 'records';
/** By `[scope, name]`: of two folders with one name, whose files would have the same paths, the later is kept. */
const ROOTS = 'roots';
/** ms that the database may take to answer: one that never does must not hold the upload. */
const PATIENCE = 20_000;

/** The journal of one host, opened as often as the engine asks. It never throws; what goes wrong is told once. */
export class Book {
  #scope;
  /** Hears `['opened', records]`, `['busy']`, `['lost', reason]`, `['left']`. */
  #tell;
  /** From `open` to `close`: `{ state, database, next, release }`; the state is opening, open, lost or closed. */
  #session;
  /** Resolves when the newest session lets its lock go. */
  #held;
  /** Handles of which no file was reported yet. They are written after that, so that the upload before theirs, when it ends
   *  and lets its own go, does not take them along. */
  #roots = [];

  constructor(scope, tell) {
    this.#scope = scope;
    this.#tell = tell;
  }

  /** Nothing is read from it or written to it now. */
  get idle() {
    return !['opening', 'open'].includes(this.#session?.state);
  }

  open() {
    this.close(false);
    const session = this.#session = { state: 'opening', next: 0 };
    const before = this.#held;
    const held = this.#held = new Promise((resolve) => { session.release = resolve; });
    this.#begin(session, before, held).catch((error) => {
      session.database?.close();
      // Nothing will be read or written: others need not wait for it.
      session.release();
      this.#lose(session, error);
    });
  }

  async #begin(session, before, held) {
    await before;
    // Null if it is to be had at once and is not.
    const lock = (options) => new Promise((granted, refused) => {
      navigator.locks.request(lockName(this.#scope), options, (lock) => {
        granted(lock);
        return lock && held;
      }).catch(refused);
    });
    try {
      if (!await lock({ ifAvailable: true })) {
        this.#say(session, 'busy');
        await lock({});
      }
    } catch {
      // As where there are no locks (insecure pages), the upload goes on without.
    }
    if (session.state === 'closed') return;
    const database = session.database = await open();
    const records = await read(database, RECORDS, this.#scope);
    if (session.state === 'closed') return database.close();
    // The abort of any of its transactions comes here too.
    database.onabort = ({ target }) => this.#lose(session, target.error);
    // A database that goes away, or is wanted in another version, must be closed; one that is full can still forget.
    database.onclose = database.onversionchange = ({ type }) => {
      database.close();
      this.#lose(session, `IndexedDB: ${type}`);
    };
    session.state = 'open';
    session.next = records.length;
    this.#say(session, 'opened', records);
    this.keepRoots();
  }

  record(record) {
    this.#write((store, session) => this.#add(store, session, record));
  }

  /** All of it by this record, or by none. */
  rewrite(record) {
    this.#write((store, session) => {
      store(RECORDS).delete(all(this.#scope));
      session.next = 0;
      if (record) this.#add(store, session, record);
    });
  }

  /** By this handle the files come that are found next. */
  root(handle) {
    this.#roots.push(handle);
  }

  /** Files of all handles so far were reported: it is known which upload the handles belong to. */
  keepRoots() {
    if (this.#session?.state === 'opening' || this.#roots.length === 0) return;
    const roots = this.#roots.splice(0);
    this.#write((store) => {
      for (const root of roots) {
        try {
          store(ROOTS).put(root, [this.#scope, root.name]);
        } catch {
          // What can't be kept must be dropped again.
        }
      }
    });
  }

  /** Handles that were kept for an upload that does not count any more; those of this one are kept later. */
  forgetRoots() {
    this.#write((store) => store(ROOTS).delete(all(this.#scope)));
  }

  /** Lets other pages have it, as soon as what was written is there. `done`: the handles are not needed any more. */
  close(done) {
    const session = this.#session;
    if (!session) return;
    this.#session = undefined;
    const { state, database, release } = session;
    session.state = 'closed';
    try {
      const transaction = begin(database, 'readwrite');
      if (done) transaction.objectStore(ROOTS).delete(all(this.#scope));
      // Broken off, it would speak for ever of an upload that is over.
      if (done && state === 'lost') transaction.objectStore(RECORDS).delete(all(this.#scope));
      transaction.oncomplete = transaction.onabort = release;
      transaction.commit?.();
      database.close();
    } catch {
      release();
    }
    this.#held.then(() => this.#tell(['left']));
  }

  /** `add` refuses a number that is taken: another page writes too, which locks would have kept out. */
  #add(store, session, record) {
    store(RECORDS).add(record, [this.#scope, session.next++]);
  }

  /** Does the work in one transaction. Nobody waits for it: transactions keep their order. */
  #write(work) {
    const session = this.#session;
    if (session?.state !== 'open') return;
    try {
      const transaction = begin(session.database, 'readwrite');
      work((name) => transaction.objectStore(name), session);
      // At once, and not when the page comes round to it: it may be closed before that.
      transaction.commit?.();
    } catch (error) {
      this.#lose(session, error);
    }
  }

  #lose(session, reason) {
    if (session.state !== 'opening' && session.state !== 'open') return;
    session.state = 'lost';
    this.#say(session, 'lost', `${reason}`);
  }

  #say(session, ...told) {
    if (session.state !== 'closed') this.#tell(told);
  }
}

/** For the page: records and handles as they are now, and whether somebody has the journal. */
export async function look(scope) {
  const database = await open();
  try {
    const [records, roots] = await Promise.all([read(database, RECORDS, scope), read(database, ROOTS, scope)]);
    const locks = await navigator.locks?.query();
    return { records, roots, elsewhere: locks?.held.some(({ name }) => name === lockName(scope)) ?? false };
  } finally {
    database.close();
  }
}

function lockName(scope) {
  return `${NAME} ${scope}`;
}

async function open() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => [RECORDS, ROOTS].forEach((store) => request.result.createObjectStore(store));
  return done(request);
}

/** All that a store has of the scope. */
async function read(database, store, scope) {
  return done(begin(database, 'readonly').objectStore(store).getAll(all(scope)));
}

/** Over both stores, so that all transactions run in the order in which they began. */
function begin(database, mode) {
  return database.transaction([RECORDS, ROOTS], mode, { durability: 'relaxed' });
}

/** All keys of the scope: an array comes after every number and text. */
function all(scope) {
  return IDBKeyRange.bound([scope], [scope, []]);
}

/** A request's result. */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    setTimeout(reject, PATIENCE, 'IndexedDB does not answer');
  });
}
