/** The wasm module's exports (docs/architecture.md). Failures are thrown as their JSON. */
export function initSync(input: { module: WebAssembly.Module }): unknown;

/** An application's options, word by word. What asks something of them consumes them. */
export class Options {
  /** `kind`: its type, or "list" (texts, a line each). False: it is a section, whose words are to be given instead. */
  word(path: string, kind: string, number: number, text: string): boolean;

  /** The Failure that names the wrong one. */
  check(): string | undefined;
  /** The body of `POST /v1/batches` from what an application gave. */
  newBatch(): string;
  /** How many workers should read on a machine of so many cores. */
  readers(cores: number): number;
  /** What tells the journal apart from those of other uploads. */
  journal(): string | undefined;
  /** What an earlier page left, by the records of its journal. */
  unfinished(records: Uint8Array, lengths: Uint32Array, now: number): string | undefined;
  planBatches(files: Files): string;
  validate(files: Files): string;
}

/** Files that were found, or may be; numbers that are not known are NaN. */
export class Files {
  add(
    path: string, mediaType: string, size: number, lastModified: number,
    metadata: string | undefined, group: string | undefined, unreadable: string | undefined,
  ): void;
}

/** Bytes into names of blocks, 37 bytes each: the length (u32, little-endian) and what the engine wants to know. */
export class Cutting {
  constructor(options: Options);
  /** Of blocks of these lengths, one after the other. */
  name(bytes: Uint8Array, lengths: Uint32Array): Uint8Array;
  /** Of the blocks that end in the file's next bytes; of all that is left of it, if these are the last. */
  cut(bytes: Uint8Array, last: boolean): Uint8Array;
  free(): void;
}

/** What the engine wants done. Bytes are the wasm's, and must be copied. */
export interface Hands {
  now(): number;
  size(file: number): void;
  read(file: number, upTo: number): void;
  stop(file: number): void;
  forget(file: number, from: number, to: number): void;
  bytes(bytes: Uint8Array): void;
  block(file: number, index: number): void;
  header(name: string, value: string): void;
  send(attempt: number, method: string, url: string, packed: boolean): void;
  abort(attempt: number): void;
  refresh(): void;
  walk(on: boolean): void;
  folder(known: boolean): void;
  openJournal(): void;
  record(record: Uint8Array): void;
  rewrite(record: Uint8Array): void;
  forgetRoots(): void;
  closeJournal(done: boolean): void;
  answer(call: number, isBody: boolean, text: string): void;
  update(json: string, bytesPerSecond: number, secondsLeft: number, percent: number): void;
}

export type Word =
  | 'wake' | 'walked' | 'pause' | 'resume' | 'cancel' | 'discard' | 'online' | 'offline' | 'journalBusy'
  | 'folder' | 'token' | 'noToken' | 'journalLost' | 'status' // with a text
  | 'unreadable' | 'noReply'; // with an id and a text

/** The engine. While a method runs, its hands are told what to do, and must not call it. */
export class Core {
  constructor(options: Options, hands: Hands, epoch: number, seed: number);
  /** Up to so many bytes a file is read whole, and is one block. */
  smallFile(): number;
  /** From so many bytes on they stay in the file until they are sent. */
  inFile(): number;
  /** What needs no more than a file, an attempt or a text. */
  say(word: Word, id: number, text: string): boolean;
  found(files: Files): void;
  opened(file: number, size: number, lastModified: number, mediaType: string): void;
  sized(file: number, size: number, lastModified: number): void;
  cut(file: number, names: Uint8Array, read: number, size: number, ended: boolean): void;
  reply(attempt: number, status: number, retryAfter: string | undefined, body: Uint8Array): void;
  packed(attempt: number, bytes: number): void;
  /** What is to be done with these files. */
  files(word: 'retry' | 'pause' | 'resume' | 'remove', files: Uint32Array): boolean;
  call(call: number, method: string, path: string, body: string | undefined): boolean;
  journalOpened(records: Uint8Array, lengths: Uint32Array): void;
  wakeAt(): number;
  free(): void;
}
