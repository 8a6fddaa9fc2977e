/** One engine and the way to it: in a module worker, or on the page where no worker can start. */
import { Intake } from '../src/intake.js';
import type { IntakeHooks } from '../src/intake.js';
import { UploadError, asUploadError, broken } from './errors.js';
import { Folders } from './folders.js';
import { Host } from './host/host.js';
import { loadWasm } from './wasm.js';
import { optionsOf, toJson } from './words.js';
import type { Connection } from './connection.js';
import type { FromHost, ToHost, Update, WorkerSays, WorkerStart } from './messages.js';
import type { ClientOptions } from './types.js';

/** ms that a worker may take to start before the page does its work: long enough for a busy machine. */
const WORKER_STARTS_WITHIN = 15_000;

/** ms that a worker may take to let its journal go. */
const WORKER_ENDS_WITHIN = 1_000;

export interface Listener {
  update(update: Update): void;
  /** The engine is gone; nothing more will come. */
  broken(error: UploadError): void;
}

interface Call {
  resolve(body: string): void;
  reject(error: UploadError): void;
}

export class Session {
  readonly #connection: Connection;
  readonly #listener: Listener | undefined;
  readonly #calls = new Map<number, Call>();
  #lastCall = 0;
  /** It has a journal. */
  #keeps = false;
  /** Waits until the journal is let go. */
  #leaving: (() => void)[] = [];
  #control: MessagePort | undefined;
  /** The engine's worker first, then those that read for it. */
  #workers: Worker[] = [];
  #intake: Intake | undefined;
  /** Lists folders in a worker. */
  #folders: Folders | undefined;
  #ready: (() => void) | undefined;

  private constructor(connection: Connection, listener?: Listener) {
    this.#connection = connection;
    this.#listener = listener;
  }

  /** An engine for an upload: its options are checked, files can be added, updates go to `listener`. */
  static async upload(connection: Connection, words: object, hooks: IntakeHooks, listener: Listener): Promise<Session> {
    const [module, options] = await prepare(connection, words);
    const session = new Session(connection, listener);
    const files = (connection.worker && await session.#inWorker(module, options)) || await session.#onPage(options, true);
    const away = session.#folders && ((root: FileSystemDirectoryHandle) => session.#folders?.open(root));
    session.#intake = new Intake(files as MessagePort, { ...hooks, away });
    session.#keeps = hooks.roots === true;
    return session;
  }

  /** An engine for calls of the API: on the page, without files. */
  static async calls(connection: Connection): Promise<Session> {
    const [, options] = await prepare(connection, {});
    const session = new Session(connection);
    await session.#onPage(options, false);
    return session;
  }

  send(message: ToHost): void {
    this.#control?.postMessage(message);
  }

  /** Resolves when what `take` gave is walked to its end. */
  async add(taken: unknown[]): Promise<void> {
    await this.#intake?.walk(taken);
  }

  /** The text of the answer. */
  call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: string): Promise<string> {
    const id = ++this.#lastCall;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.send(body === undefined ? { t: 'call', id, method, path } : { t: 'call', id, method, path, body });
    });
  }

  /** Forgets what an earlier page left; resolves when it is forgotten, or there is no journal to forget it in. */
  discard(): Promise<void> {
    return new Promise((resolve) => {
      this.#leaving.push(resolve);
      this.send({ t: 'discard' });
    });
  }

  close(): void {
    this.#left();
    this.#intake?.close();
    this.#intake = undefined;
    this.send({ t: 'close' });
    const control = this.#control;
    const workers = this.#workers;
    this.#control = undefined;
    this.#workers = [];
    const end = () => {
      for (const worker of workers) worker.terminate();
      control?.close();
    };
    if (workers.length === 0 || !control || !this.#keeps) return end();
    // A worker that is ended takes along what it was just writing to the journal.
    control.onmessage = ({ data }: MessageEvent<FromHost>) => { if (data.t === 'left') end(); };
    setTimeout(end, WORKER_ENDS_WITHIN);
  }

  /** Resolves to the page's end of the files port, or to nothing when no worker can start. */
  async #inWorker(module: WebAssembly.Module, options: string): Promise<MessagePort | undefined> {
    const files = new MessageChannel();
    const control = new MessageChannel();
    let worker: Worker;
    try {
      worker = newWorker(this.#connection.workerUrl);
    } catch {
      return undefined; // No workers here, or this module comes from another origin.
    }
    const started = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(resolve, WORKER_STARTS_WITHIN, false);
      this.#ready = () => { clearTimeout(timer); resolve(true); };
      worker.onerror = (event) => { event.preventDefault(); clearTimeout(timer); resolve(false); };
      worker.onmessage = ({ data }: MessageEvent<WorkerSays>) => {
        if (data.t === 'runs') return;
        console.warn(`cloudindex-uploader: no worker (${data.message}); working on the page's thread.`);
        clearTimeout(timer);
        resolve(false);
      };
      this.#listen(control.port1);
      try {
        const folders = new MessageChannel();
        this.#folders = new Folders(folders.port1);
        const reading = this.#startReaders(module, options, folders.port2);
        // Where nobody reads for it, it lists folders too.
        const own = reading.length === 0 ? folders.port2 : undefined;
        const start: WorkerStart = {
          module, options, control: control.port2, files: files.port2, readers: reading, folders: own,
        };
        worker.postMessage(start, [control.port2, files.port2, ...reading, ...(own ? [own] : [])]);
      } catch {
        clearTimeout(timer);
        resolve(false); // This browser does not hand on compiled modules.
      }
    });
    if (!started) {
      for (const one of [worker, ...this.#workers.splice(0)]) one.terminate();
      control.port1.close();
      files.port1.close();
      this.#folders = undefined;
      return undefined;
    }
    this.#workers.unshift(worker);
    worker.onerror = (event) => { event.preventDefault(); this.#broke(event.message || 'the worker failed'); };
    return files.port1;
  }

  /** Starts the workers that read for the engine's; the engine hears of each when it is there. */
  #startReaders(module: WebAssembly.Module, options: string, folders: MessagePort): MessagePort[] {
    return Array.from({ length: optionsOf(options).readers(navigator.hardwareConcurrency ?? 1) }, (_, i) => {
      const { port1, port2 } = new MessageChannel();
      const worker = newWorker(this.#connection.workerUrl);
      const start: WorkerStart = { module, options, reader: port2, folders: i === 0 ? folders : undefined };
      worker.postMessage(start, i === 0 ? [port2, folders] : [port2]);
      this.#workers.push(worker);
      let runs = false; // Until then nobody relies on it: the engine hears of a reader when it is there.
      const lost = () => {
        worker.terminate();
        if (i === 0) this.#folders?.fail();
      };
      worker.onmessage = ({ data }: MessageEvent<WorkerSays>) => {
        if (data.t === 'runs') runs = true;
        else lost();
      };
      worker.onerror = (event) => {
        event.preventDefault();
        if (runs) this.#broke(event.message || 'a worker failed');
        else lost();
      };
      return port1;
    });
  }

  async #onPage(options: string, withFiles: boolean): Promise<MessagePort | undefined> {
    const control = new MessageChannel();
    const files = withFiles ? new MessageChannel() : undefined;
    const ready = new Promise<void>((resolve) => { this.#ready = resolve; });
    this.#listen(control.port1);
    new Host(options, control.port2, files?.port2, [], this.#connection.fetch);
    await ready;
    return files?.port1;
  }

  #listen(control: MessagePort): void {
    this.#control = control;
    control.onmessage = (event: MessageEvent<FromHost>) => this.#receive(event.data);
  }

  #receive(message: FromHost): void {
    switch (message.t) {
      case 'update':
        this.#listener?.update(updateOf(message));
        break;
      case 'answer': {
        const call = this.#calls.get(message.id);
        this.#calls.delete(message.id);
        if (message.error) call?.reject(new UploadError(message.error));
        else call?.resolve(message.body);
        break;
      }
      case 'refresh':
        this.#connection.refresh().then(
          (token) => this.send({ t: 'token', token }),
          (error: Error) => this.send({ t: 'token', error: error.message }),
        );
        break;
      case 'left':
        this.#left();
        break;
      case 'ready':
        this.#ready?.();
        break;
      case 'fatal':
        this.#broke(message.message);
        break;
    }
  }

  #left(): void {
    for (const resolve of this.#leaving.splice(0)) resolve();
  }

  #broke(message: string): void {
    const error = broken('internal_error', `The uploader's engine broke down: ${message}. Please report this.`);
    this.close();
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
    this.#listener?.broken(error);
  }
}

function newWorker(from: ClientOptions['workerUrl']): Worker {
  if (typeof from === 'function') return from();
  if (from !== undefined) return new Worker(from, { type: 'module', name: 'cloudindex-uploader' });
  // Bundlers know a worker by these very words.
  return new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'cloudindex-uploader' });
}

function updateOf({ update: json, bytesPerSecond, secondsLeft, percent }: FromHost & { t: 'update' }): Update {
  const update: Update = JSON.parse(json);
  Object.assign(update.progress, { bytesPerSecond, percent });
  if (!Number.isNaN(secondsLeft)) update.progress.secondsLeft = secondsLeft;
  return update;
}

/** Wasm and options, both good. */
async function prepare(connection: Connection, words: object): Promise<[WebAssembly.Module, string]> {
  const [module, own] = await Promise.all([loadWasm(connection.wasmUrl), connection.words()]);
  const options = toJson({ ...words, ...own });
  const wrong = optionsOf(options).check();
  if (wrong) throw asUploadError(wrong);
  return [module, options];
}
