/**
 * The engine's side: what comes over the ports and from the browser is told to the engine, and what the engine wants is done.
 * It decides nothing. In a worker, or on the page where none can start.
 */
import { Core, Files } from '../glue.js';
import type { Hands, Word } from '../glue.js';
import type { FromHost, ToHost } from '../messages.js';
import { Book } from '../../src/journal.js';
import { complain, describe, show } from '../../src/say.js';
import { optionsOf } from '../words.js';
import { Behind } from './behind.js';
import type { FromReader } from './behind.js';
import { joined, lengthsOf } from './bytes.js';
import { free } from './free.js';
import { Http } from './http.js';
import type { Fetch, Report, Request } from './http.js';
import { Reader } from './reader.js';
import type { Outcome } from './reader.js';
import { Readers } from './readers.js';
import { Store, slice } from './store.js';

// Kinds of the private messages between the page's Intake and the host, as in intake.js: arrays, because they are the
// cheapest to clone.
const [FOUND, INTAKE_ENDED, ROOT, FOLDER, OPENED] = [0, 1, 2, 3, 4];
const [PAUSE_WALK, RESUME_WALK, KNOWN_FOLDER, NEW_FOLDER, OPEN] = [0, 1, 2, 3, 4];

/** The browser's timers overflow past 31 bits. */
const LONGEST = 2 ** 31 - 1;

/** What the engine is told, when its turn comes. */
type Input = (core: Core) => void;

/** Runs an engine in this thread; `readers`: ports to workers that read for it. Wrong options: throws the JSON of a Failure. */
export class Host implements Hands, Report {
  readonly #control: MessagePort;
  readonly #page: MessagePort | undefined;
  readonly #core: Core;
  readonly #http: Http;
  readonly #here: Reader;
  readonly #readers: Readers;
  readonly #store = new Store();
  readonly #book: Book;
  readonly #listening = new AbortController();
  /** The engine is told nothing while it says what it wants: that waits here. */
  #inputs: Input[] = [];
  #state: 'free' | 'busy' | 'closed' = 'free';
  /** What the next request is made of. */
  #request = empty();
  #due = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: string, control: MessagePort, files?: MessagePort, readers: MessagePort[] = [], fetch?: Fetch) {
    const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
    const core = this.#core = new Core(optionsOf(options), this, Date.now() - performance.now(), (high >>> 11) * 2 ** 32 + low);
    this.#control = control;
    this.#page = files;
    this.#http = new Http(fetch, this);
    this.#here = new Reader(options, (outcome) => this.#read(outcome));
    this.#readers = new Readers(this.#here, { smallFile: core.smallFile(), inFile: core.inFile() });
    this.#book = new Book(optionsOf(options).journal() ?? '', (told) => this.#journal(told));

    for (const word of ['online', 'offline'] as const) {
      globalThis.addEventListener(word, () => this.#say(word), { signal: this.#listening.signal });
    }
    for (const reader of readers) this.#listen(reader, (message) => this.#reader(reader, message as FromReader));
    if (files) this.#listen(files, (message) => this.#intake(message));
    this.#post({ t: 'ready' });
    this.#listen(control, (message) => this.#facade(message as ToHost));
  }

  #listen(port: MessagePort, heard: (message: unknown) => void): void {
    port.addEventListener('message', ({ data }) => heard(data), { signal: this.#listening.signal });
    port.start();
  }

  /** THE loop: the engine is told, and does with its hands what it then wants; what that brings is told next. */
  #tell(...inputs: Input[]): void {
    if (this.#state === 'closed') return;
    this.#inputs.push(...inputs);
    if (this.#state === 'busy') return;
    this.#state = 'busy';
    try {
      while (this.#inputs.length > 0) for (const input of this.#inputs.splice(0)) input(this.#core);
      this.#state = 'free';
      this.#readers.flush();
      const rows = this.#readers.toOpen();
      if (rows.length > 0) this.#page?.postMessage([OPEN, ...rows]);
      this.#arm(this.#core.wakeAt());
    } catch (error) {
      this.#broke(describe(error));
    }
  }

  #say(word: Word, id = 0, text = ''): void {
    this.#tell((core) => core.say(word, id, text));
  }

  #arm(due: number): void {
    if (due === this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    if (due === Infinity) return;
    // Up, because a timer that rings early rings twice.
    this.#timer = setTimeout(() => {
      this.#due = Infinity;
      this.#say('wake');
    }, Math.min(Math.max(Math.ceil(due - performance.now()), 0), LONGEST));
  }

  /** A bug: the engine is not to be told anything more; the facade must hear of it, or the upload would just be silent. */
  #broke(message: string): void {
    if (this.#state === 'closed') return;
    complain(message);
    this.#post({ t: 'fatal', message });
    this.#state = 'closed';
  }

  #post(message: FromHost): void {
    this.#control.postMessage(message);
  }

  /** What the page's Intake says. */
  #intake(message: unknown): void {
    const [kind, ...words] = Array.isArray(message) ? message : [];
    const [first, second] = words;
    if (kind === FOUND) this.#found(words);
    else if (kind === INTAKE_ENDED) this.#say('walked');
    else if (kind === ROOT) this.#book.root(first);
    else if (kind === FOLDER && typeof first === 'string') this.#say('folder', 0, first);
    else if (kind === OPENED && isRow(first)) this.#opened(first, second instanceof File ? second : text(second) ?? '');
    else complain(`the files port brought ${show(message)}`);
  }

  #found(rows: unknown[]): void {
    const files = new Files();
    for (const row of rows) {
      // Even what is no row counts, or all after it would get wrong numbers; and what is in it the application may have made.
      const [path, type, size, time, metadata, group, why, file] = Array.isArray(row) ? row as unknown[] : [];
      const found = file instanceof File ? file : undefined;
      // It may only have looked like one on the page.
      const unreadable = text(why) ?? (file === found ? undefined : `it is no file but ${show(file)}`);
      this.#readers.found(unreadable ?? found ?? null);
      files.add(text(path) ?? '', text(type) ?? '', number(size), number(time), text(metadata), text(group), unreadable);
    }
    this.#tell((core) => core.found(files));
    this.#book.keepRoots();
  }

  /** What came of a file that the page was to open: the file, or why it can't be read. */
  #opened(id: number, file: File | string): void {
    if (typeof file === 'string') {
      if (this.#readers.notOpened(id)) this.#say('unreadable', id, file);
      return;
    }
    const { size } = file;
    const time = Math.max(file.lastModified, 0);
    const upTo = this.#readers.opened(id, file);
    if (upTo) this.read(id, upTo);
    this.#tell((core) => core.opened(id, size, time, file.type), (core) => core.sized(id, size, time));
  }

  /** What a worker that reads says. */
  #reader(port: MessagePort, message: FromReader): void {
    if (message === 'ready') this.#readers.join(new Behind(port));
    else this.#read(message);
  }

  /** What was read. File by file, for what the engine says to one may end the reading of the next. */
  #read(outcome: Outcome): void {
    if ('cuts' in outcome) {
      this.#tell(...outcome.cuts.map((cut): Input => (core) => this.#readers.take(cut, this.#store, core)));
    } else if ('broken' in outcome) {
      this.#broke(outcome.broken);
    } else if (this.#readers.ends(outcome.file, outcome.stream)) {
      this.#say('unreadable', outcome.file, outcome.reason);
    }
  }

  #journal([what, more]: [string, unknown?]): void {
    if (what === 'opened') {
      const records = more as Uint8Array[];
      this.#tell((core) => core.journalOpened(joined(records), lengthsOf(records)));
    } else if (what === 'busy') {
      this.#say('journalBusy');
    } else {
      if (what === 'lost') this.#say('journalLost', 0, String(more));
      this.#post({ t: 'left' });
    }
  }

  /** What the facade says. */
  #facade(message: ToHost): void {
    switch (message?.t) {
      case 'pause':
      case 'resume':
        return message.ids ? this.#files(message.t, message.ids) : this.#say(message.t);
      case 'retry':
      case 'remove':
        return this.#files(message.t, message.ids);
      case 'cancel':
        return this.#say('cancel');
      case 'discard':
        this.#say('discard');
        return this.#leave();
      case 'status':
        return this.#say('status', 0, message.text);
      case 'token':
        return 'token' in message ? this.#say('token', 0, message.token) : this.#say('noToken', 0, message.error);
      case 'call':
        return this.#tell((core) => core.call(message.id, message.method, message.path, message.body));
      case 'close':
        return this.#close();
    }
    complain(`the control port brought ${show(message)}`);
  }

  #files(word: 'pause' | 'resume' | 'retry' | 'remove', ids: number[]): void {
    // They come from the application, which may give anything; the wasm would take it for a row all the same.
    this.#tell((core) => core.files(word, Uint32Array.from(ids.filter(isRow))));
  }

  /** If the journal is not to be let go, that is told at once. */
  #leave(): void {
    if (this.#book.idle) this.#post({ t: 'left' });
  }

  /** Nothing of it goes on afterwards. */
  #close(): void {
    this.#leave();
    this.#state = 'closed';
    this.#listening.abort();
    clearTimeout(this.#timer);
    this.#http.abortAll();
    this.#readers.close();
    this.#here.close();
    this.#book.close(false);
    free(this.#core);
  }

  // What the engine's requests report.

  packed(attempt: number, bytes: number): void {
    this.#tell((core) => core.packed(attempt, bytes));
  }

  reply(attempt: number, status: number, retryAfter: string | undefined, body: Uint8Array): void {
    this.#tell((core) => core.reply(attempt, status, retryAfter, body));
  }

  /**
   * Where no answer came, the browser may have met a file that is not what it was, and does not say so: each is looked at,
   * and the engine hears of it before it thinks ill of the network.
   */
  async noReply(attempt: number, reason: string, files: number[]): Promise<void> {
    for (const file of files) {
      const why = await this.#readers.look(file);
      if (why !== undefined) this.#say('unreadable', file, why);
    }
    this.#say('noReply', attempt, reason);
  }

  // What the engine wants done.

  now(): number {
    return performance.now();
  }

  size(id: number): void {
    const file = this.#readers.file(id);
    if (typeof file === 'string') this.#say('unreadable', id, file);
    else if (file) this.#tell((core) => core.sized(id, file.size, Math.max(file.lastModified, 0)));
  }

  read(id: number, upTo: number): void {
    const why = this.#readers.read(id, upTo);
    if (why !== undefined) this.#say('unreadable', id, why);
  }

  stop(id: number): void {
    this.#readers.stop(id);
  }

  forget(file: number, from: number, to: number): void {
    this.#store.forget(file, from, to);
  }

  bytes(bytes: Uint8Array): void {
    this.#request.parts.push(bytes.slice());
  }

  block(file: number, index: number): void {
    const { parts, files } = this.#request;
    const kept = this.#store.get(file, index);
    if (!kept) {
      this.#request.missing = `block ${index} of file ${file} is not kept`;
    } else if (kept instanceof Uint8Array) {
      parts.push(kept as Uint8Array<ArrayBuffer>);
    } else {
      parts.push(slice(kept.source, kept.from, kept.from + kept.length));
      if (files.at(-1) !== file) files.push(file);
    }
  }

  header(name: string, value: string): void {
    this.#request.headers[name] = value;
  }

  send(attempt: number, method: string, url: string, packed: boolean): void {
    const request = this.#request;
    this.#request = empty();
    this.#http.send(attempt, { ...request, method, url, packed });
  }

  abort(attempt: number): void {
    this.#http.abort(attempt);
  }

  refresh(): void {
    this.#post({ t: 'refresh' });
  }

  walk(on: boolean): void {
    this.#page?.postMessage([on ? RESUME_WALK : PAUSE_WALK]);
  }

  folder(known: boolean): void {
    this.#page?.postMessage([known ? KNOWN_FOLDER : NEW_FOLDER]);
  }

  openJournal(): void {
    this.#book.open();
  }

  record(record: Uint8Array): void {
    this.#book.record(record.slice());
  }

  rewrite(record: Uint8Array): void {
    this.#book.rewrite(record.length > 0 ? record.slice() : undefined);
  }

  forgetRoots(): void {
    this.#book.forgetRoots();
  }

  closeJournal(done: boolean): void {
    this.#book.close(done);
  }

  answer(id: number, isBody: boolean, text: string): void {
    this.#post(isBody ? { t: 'answer', id, body: text } : { t: 'answer', id, error: JSON.parse(text) });
  }

  update(update: string, bytesPerSecond: number, secondsLeft: number, percent: number): void {
    this.#post({ t: 'update', update, bytesPerSecond, secondsLeft, percent });
  }
}

function isRow(value: unknown): value is number {
  return typeof value === 'number' && value === value >>> 0;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : NaN;
}

function empty(): Request {
  return { method: '', url: '', headers: {}, parts: [], files: [], missing: undefined, packed: false };
}
