import { Core, Cutting, Options } from '../../../js/glue.js';
import { Behind, serveReader } from '../../../js/host/behind.ts';
import { NAME, Reader } from '../../../js/host/reader.ts';
import { Readers } from '../../../js/host/readers.ts';
import { Store, slice } from '../../../js/host/store.ts';
import { equal } from './files.mjs';
import { Queue, must, same } from './wait.mjs';

/** What an application that sets nothing sets. */
const OPTIONS = '{}';

/** As far as a file may be read if nothing holds it back. */
export const ALL = Number.MAX_SAFE_INTEGER;

/** The engine's side of reading, without an engine. */
export class Reading {
  store = new Store();
  outcomes = new Queue();
  readers;
  #naming = new Cutting(new Options());
  #inFile;

  /** With these rows, read `where`: on this thread (here), over a port (port), or by a worker (worker). */
  static async of(rows, where = 'here') {
    const reading = new Reading();
    const hear = (outcome) => reading.outcomes.push(outcome);
    const core = new Core(new Options(), {}, 0, 0);
    reading.#inFile = core.inFile();
    reading.readers = new Readers(new Reader(OPTIONS, hear), { smallFile: core.smallFile(), inFile: core.inFile() });
    core.free();
    for (const row of rows) reading.readers.found(row);
    if (where !== 'here') {
      const port = await (where === 'port' ? inThisThread() : inWorker());
      port.onmessage = ({ data }) => hear(data);
      same(await reading.outcomes.next(), 'ready', 'what it says first');
      reading.readers.join(new Behind(port));
    }
    return reading;
  }

  /** Lets a file be read up to there. */
  grant(file, upTo) {
    const why = this.readers.read(file, upTo);
    must(why === undefined, why);
    this.readers.flush();
  }

  /** What the engine is told of the next outcome. */
  async next() {
    return this.told(await this.outcomes.next());
  }

  told(outcome) {
    must(!('broken' in outcome), outcome.broken);
    const told = [];
    const engine = { cut: (file, names, read, size, ended) => told.push({ file, names, read, size, ended }) };
    if ('cuts' in outcome) for (const cut of outcome.cuts) this.readers.take(cut, this.store, engine);
    else if (this.readers.ends(outcome.file, outcome.stream)) told.push(outcome);
    return told;
  }

  /** The only thing that came. */
  async one() {
    const told = await this.next();
    must(told.length === 1, `${told.length} came`);
    return told[0];
  }

  /** Reads row 0 with grants of `step` bytes and checks all that the engine is told. Gives the number of readings. */
  async check(expected, step) {
    let granted = step;
    let readings = 0;
    const found = [];
    this.grant(0, granted);
    for (;;) {
      const { names, read, size, ended, reason } = await this.one();
      must(reason === undefined, reason);
      readings++;
      // Of a large file it is told at once.
      must(Object.is(size, ended ? NaN : expected.length), `${size} is not its size`);
      must(read <= granted, `${read} of ${granted}`);
      found.push(...blocks(names));
      if (ended) {
        must(read === expected.length, `${read} bytes were read of ${expected.length}`);
        break;
      }
      if (read >= granted) this.grant(0, granted = read + step);
    }
    await this.checkBlocks(0, expected, found);
    must(this.store.bytes === expected.length, `${this.store.bytes} bytes are kept of ${expected.length}`);
    this.store.forget(0, 0, found.length);
    must(this.store.bytes === 0, `${this.store.bytes} bytes are kept that were forgotten`);
    return readings;
  }

  /** The blocks are the file's, and a body gets their bytes. */
  async checkBlocks(file, expected, found) {
    let at = 0;
    for (const [index, { length, name }] of found.entries()) {
      const bytes = expected.subarray(at, at += length);
      must(equal(name, this.#naming.name(bytes, Uint32Array.of(length))), `block ${index} has another name`);
      const kept = this.store.get(file, index);
      must(kept?.length === length, `block ${index} is not kept`);
      must(kept instanceof Uint8Array === expected.length < this.#inFile, `block ${index} is kept at the wrong place`);
      const part = kept instanceof Uint8Array ? kept : slice(kept.source, kept.from, kept.from + kept.length);
      must(equal(new Uint8Array(await new Response(part).arrayBuffer()), bytes), `block ${index} is not kept as it was`);
    }
    must(at === expected.length, `${at} bytes in blocks, not ${expected.length}`);
  }
}

/** Names of blocks, one by one. */
export function blocks(names) {
  return Array.from({ length: names.length / NAME }, (_, i) => {
    const name = names.slice(i * NAME, (i + 1) * NAME);
    return { name, length: new DataView(name.buffer).getUint32(0, true) };
  });
}

function inThisThread() {
  const { port1, port2 } = new MessageChannel();
  serveReader(OPTIONS, port2);
  return port1;
}

/** A worker that reads, as it is published. */
export async function inWorker() {
  const { port1, port2 } = new MessageChannel();
  const module = await WebAssembly.compileStreaming(fetch('/cloudindex_uploader_bg.wasm'));
  const worker = new Worker('/worker.js', { type: 'module' });
  worker.postMessage({ module, options: OPTIONS, reader: port2 }, [port2]);
  return port1;
}
