/** What the engine wants read, handed to readers; what they bring, kept in the store. */
import type { Core } from '../glue.js';
import { describe } from '../../src/say.js';
import { NAME } from './reader.js';
import type { Cut, Reading, Whole } from './reader.js';
import { Behind } from './behind.js';
import type { Store } from './store.js';

/** Files and bytes that are read at once: enough that the cost of a read is little for each, few enough to be cut in some ms. */
const FILES = 64;
const BYTES = 8 * 1024 * 1024;

/** In bytes: up to there a file is read whole; from there on it is not copied. */
export interface Sizes {
  smallFile: number;
  inFile: number;
}

/** A file that is being read. */
interface Open {
  stream: number;
  hand: Reading;
  /** Blocks, and bytes in them, so far. */
  blocks: number;
  cut: number;
}

/** The file of a row; the text why there is none; or null: it was not opened yet. */
type Row = File | string | null;

export class Readers {
  readonly #smallFile: number;
  readonly #inFile: number;
  readonly #rows: Row[] = [];
  /** Files that are to be read, up to there, as soon as the page has opened them (0: it is enough that they are open). */
  readonly #opening = new Map<number, number>();
  /** Those of them that the page is to be told of. */
  #toOpen: number[] = [];
  readonly #open = new Map<number, Open>();
  #last = 0;
  /** Small files that are to be read as soon as the engine has said all that it wants. */
  #wanted: Whole[] = [];
  /** Who reads: this thread, until others are there. */
  #hands: Reading[];
  #turn = 0;

  /** Files are read, for now, by `hand`. */
  constructor(hand: Reading, { smallFile, inFile }: Sizes) {
    this.#hands = [hand];
    this.#smallFile = smallFile;
    this.#inFile = inFile;
  }

  /** A worker is there to read. From the first of them on, this thread reads nothing new itself. */
  join(hand: Reading): void {
    this.#hands = [...this.#hands.filter((other) => other instanceof Behind), hand];
  }

  /** Whose turn it is. */
  #hand(): Reading {
    this.#turn = (this.#turn + 1) % this.#hands.length;
    return this.#hands[this.#turn] as Reading;
  }

  /** The next row. */
  found(row: Row): void {
    this.#rows.push(row);
  }

  /** What the page has opened; up to where it is to be read, if it still is. */
  opened(id: number, file: File): number | undefined {
    this.#rows[id] = file;
    const upTo = this.#opening.get(id);
    this.#opening.delete(id);
    return upTo;
  }

  /** The page could not open it; whether anybody still wants to know. */
  notOpened(id: number): boolean {
    return this.#opening.delete(id);
  }

  /** Files that the page is to open. */
  toOpen(): number[] {
    const rows = this.#toOpen;
    this.#toOpen = [];
    return rows;
  }

  /** The file, the text why it can't be read, or nothing if the page is to open it first: then it is read up to there. */
  file(id: number, upTo = 0): File | string | undefined {
    const row = this.#rows[id];
    if (row !== null) return row ?? `there is no file ${id}`;
    if (!this.#opening.has(id)) this.#toOpen.push(id);
    this.#opening.set(id, upTo);
    return undefined;
  }

  /** Why the browser does not find the file to be what it was when it was chosen; nothing if it does. */
  async look(id: number): Promise<string | undefined> {
    const file = this.#rows[id];
    if (!(file instanceof Blob)) return file ?? undefined;
    try {
      // The last byte: where times are coarse, a shorter file can be of the same time.
      const { byteLength } = await file.slice(Math.max(file.size - 1, 0), file.size).arrayBuffer();
      return byteLength === 0 && file.size > 0 ? 'it was cut short' : undefined;
    } catch (error) {
      return describe(error);
    }
  }

  /** Goes on with the file, or opens it; or says why it can't be read. */
  read(id: number, upTo: number): string | undefined {
    const open = this.#open.get(id);
    if (open) {
      open.hand.large(id, open.stream, upTo);
      return undefined;
    }
    const source = this.file(id, upTo);
    if (typeof source !== 'object') return source;
    const stream = ++this.#last;
    const hand = this.#hand();
    if (source.size <= this.#smallFile && source.size < upTo) this.#wanted.push({ file: id, stream, source });
    else hand.large(id, stream, upTo, source);
    this.#open.set(id, { stream, hand, blocks: 0, cut: 0 });
    return undefined;
  }

  /** Reads what was wanted. */
  flush(): void {
    const wanted = this.#wanted;
    if (wanted.length === 0) return;
    this.#wanted = [];
    // Apart: of what is read together all stays as long as one of them is kept.
    for (const inFile of [false, true]) {
      let group: Whole[] = [];
      let bytes = 0;
      const read = () => {
        if (group.length > 0) this.#hand().together(group);
        group = [];
        bytes = 0;
      };
      for (const whole of wanted) {
        const { size } = whole.source;
        if (size >= this.#inFile !== inFile) continue;
        if (group.length >= FILES || bytes + size > BYTES) read();
        bytes += size;
        group.push(whole);
      }
      read();
    }
  }

  stop(id: number): void {
    this.#opening.delete(id);
    const open = this.#open.get(id);
    if (!open) return;
    this.#open.delete(id);
    this.#wanted = this.#wanted.filter(({ file }) => file !== id);
    // Which of them reads a small one was not known when it was opened; who does not, has nothing to stop.
    open.hand.stop(id);
  }

  /** Whether this was the file's reading; if so it is over. */
  ends(id: number, stream: number): boolean {
    return this.#open.get(id)?.stream === stream && this.#open.delete(id);
  }

  /** Nothing more is read. */
  close(): void {
    for (const id of [...this.#open.keys()]) this.stop(id);
  }

  /** Keeps what was read and tells the engine of it; nothing of a reading that was stopped. */
  take({ file, stream, names, bytes, read, ended }: Cut, store: Store, core: Core): void {
    const open = this.#open.get(file);
    if (open?.stream !== stream) return;
    const source = this.#rows[file] as File;
    const view = new DataView(names.buffer, names.byteOffset, names.length);
    for (let at = 0; at < names.length; at += NAME) {
      const length = view.getUint32(at, true);
      const kept = bytes && source.size < this.#inFile ? bytes : { source, from: open.cut, length };
      store.keep(file, open.blocks, kept);
      open.blocks += 1;
      open.cut += length;
    }
    if (ended) this.#open.delete(file);
    // Of a file that is tried again the engine knows no size.
    core.cut(file, names, read, ended ? NaN : source.size, ended);
  }
}
