/**
 * Reads files, cuts and names their blocks: in workers of its own beside the engine's, in the engine's, or on the page.
 *
 * Small files are read many at once, as one `Blob` of them all: a read costs the browser some tenths of a millisecond, and this
 * way it is one for all of them. Large ones are read in slices, each of which the browser refuses when the file is not of
 * the time that it was of when it was chosen.
 */
import { Cutting } from '../glue.js';
import { describe } from '../../src/say.js';
import { optionsOf } from '../words.js';
import { free } from './free.js';
import { slice } from './store.js';

/** Bytes of a large file at a time: slices cost little beside it, and it is cut in some ms. */
const SLICE = 8 * 1024 * 1024;

/** Bytes of a block's name; the first four are its length, little-endian. */
export const NAME = 37;

/** A small file, to be read whole. `stream`: one opening of it; what an old one still brings is known by it. */
export interface Whole {
  file: number;
  stream: number;
  source: File;
}

/** The next bytes of a file, cut into blocks. */
export interface Cut {
  file: number;
  stream: number;
  /** Names of the blocks. */
  names: Uint8Array;
  /** Of a small file, all of it; those of a large one stay where they are. */
  bytes: Uint8Array | undefined;
  /** All bytes of the file so far. */
  read: number;
  ended: boolean;
}

export type Outcome =
  | { cuts: Cut[] }
  | { file: number; stream: number; reason: string }
  /** A bug: nothing more will come. */
  | { broken: string };

/** Who reads: this thread, or a worker behind a port. */
export interface Reading {
  /** Reads all of these. When one spoils it for the others, each alone. */
  together(files: Whole[]): void;
  /** Opens a large file, or, without its `source`, lets it be read further. */
  large(file: number, stream: number, upTo: number, source?: File): void;
  stop(file: number): void;
}

interface Large {
  stream: number;
  source: File;
  /** How far the engine lets it read. */
  upTo: number;
  /** Called when the engine lets it read further, or stops it. */
  wake: (() => void) | undefined;
}

export class Reader implements Reading {
  readonly #options: string;
  readonly #report: (outcome: Outcome) => void;
  readonly #open = new Map<number, Large>();
  #naming: Cutting | undefined;
  /** Kept for the next file, because wasm's memory never shrinks. */
  readonly #spare: Cutting[] = [];
  #state: 'open' | 'closed' = 'open';

  /** `options`: JSON, known to be right. */
  constructor(options: string, report: (outcome: Outcome) => void) {
    this.#options = options;
    this.#report = report;
  }

  /** Names of blocks of these lengths, one after the other. */
  #names(bytes: Uint8Array, lengths: Uint32Array): Uint8Array {
    if (this.#state === 'closed') throw new Error('nobody waits for it');
    this.#naming ??= new Cutting(optionsOf(this.#options));
    return this.#naming.name(bytes, lengths);
  }

  together(files: Whole[]): void {
    this.#together(files).catch((error: unknown) => this.#report({ broken: describe(error) }));
  }

  async #together(files: Whole[]): Promise<void> {
    // Nothing is read of an empty file among others, not even that it is gone.
    const full = files.filter(({ source }) => source.size > 0);
    const empty = files.filter(({ source }) => source.size === 0);
    const alone = full.length === 0 || await this.#atOnce(full) ? empty : [...full, ...empty];
    for (const whole of alone) await this.#alone(whole);
  }

  /** Whether that could be done. */
  async #atOnce(files: Whole[]): Promise<boolean> {
    const lengths = Uint32Array.from(files, ({ source }) => source.size);
    const bytes = await bytesOf(new Blob(files.map(({ source }) => source))).catch(() => undefined);
    if (bytes?.length !== lengths.reduce((sum, length) => sum + length)) return false;
    const names = this.#names(bytes, lengths);
    let at = 0;
    this.#report({ cuts: files.map((whole, i) => {
      const read = lengths[i] as number;
      return ended(whole, names.subarray(i * NAME, (i + 1) * NAME), bytes.subarray(at, at += read));
    }) });
    return true;
  }

  async #alone(whole: Whole): Promise<void> {
    const { file, stream, source } = whole;
    let bytes;
    try {
      bytes = await bytesOf(source);
    } catch (error) {
      return this.#report({ file, stream, reason: describe(error) });
    }
    const names = this.#names(bytes, Uint32Array.from(bytes.length > 0 ? [bytes.length] : []));
    this.#report({ cuts: [ended(whole, names, bytes)] });
  }

  large(file: number, stream: number, upTo: number, source?: File): void {
    const open = this.#open.get(file);
    if (open?.stream === stream) {
      open.upTo = upTo;
      return open.wake?.();
    }
    this.stop(file);
    if (!source) return;
    const large: Large = { stream, source, upTo, wake: undefined };
    this.#open.set(file, large);
    this.#cut(file, large).catch((error: unknown) => {
      if (error instanceof WebAssembly.RuntimeError) this.#report({ broken: describe(error) });
      else if (this.#open.get(file) === large) this.#report({ file, stream, reason: describe(error) });
    }).finally(() => {
      if (this.#open.get(file) === large) this.#open.delete(file);
    });
  }

  /** Reads to the end, as far as the engine lets it, one slice ahead of the cutting. */
  async #cut(file: number, large: Large): Promise<void> {
    const { stream, source } = large;
    const { size } = source;
    const cutting = this.#spare.pop() ?? new Cutting(optionsOf(this.#options));
    let asked = 0;
    let read = 0;
    const ask = () => {
      const from = asked;
      asked = Math.min(size, large.upTo, from + SLICE);
      const bytes = bytesOf(slice(source, from, asked));
      bytes.catch(() => {}); // Whoever waits for it hears of it; nobody may wait any more.
      return { length: asked - from, bytes };
    };
    let ahead: ReturnType<typeof ask> | undefined;
    try {
      while (this.#open.get(file) === large) {
        if (!ahead && large.upTo <= asked && asked < size) {
          await new Promise<void>((resolve) => { large.wake = resolve; });
          continue;
        }
        const { length, bytes: answer } = ahead ?? ask();
        ahead = undefined;
        const bytes = await answer;
        if (this.#open.get(file) !== large) return;
        if (bytes.length !== length) throw new TypeError('it changed while it was read');
        if (asked < size && large.upTo > asked) ahead = ask();
        read += length;
        const last = read === size;
        this.#report({ cuts: [{ file, stream, names: cutting.cut(bytes, last), bytes: undefined, read, ended: last }] });
        if (last) return void this.#spare.push(cutting);
      }
    } finally {
      if (!this.#spare.includes(cutting)) free(cutting);
    }
  }

  /** Nothing more is read; what it needed is given back. */
  close(): void {
    this.#state = 'closed';
    for (const file of [...this.#open.keys()]) this.stop(file);
    for (const cutting of [this.#naming, ...this.#spare.splice(0)]) if (cutting) free(cutting);
  }

  stop(file: number): void {
    const large = this.#open.get(file);
    this.#open.delete(file);
    large?.wake?.();
  }
}

function ended({ file, stream }: Whole, names: Uint8Array, bytes: Uint8Array): Cut {
  return { file, stream, names, bytes, read: bytes.length, ended: true };
}

async function bytesOf(blob: Blob): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await blob.arrayBuffer());
}
