/**
 * The bytes of blocks from the moment they are cut until the engine forgets them. Those of small files are kept as they were
 * read, in the JavaScript heap: wasm's memory never shrinks. Those of large files are kept where they are, in the file: the
 * browser takes them from there as the body is sent, which is half the work of copying them, and no memory.
 */

/** Blocks of files that were read together are views of one buffer, which stays as long as one of them does. */
export type Kept = Uint8Array | InFile;

export interface InFile {
  source: File;
  from: number;
  length: number;
}

/** These bytes of a file. A slice is a trip to the browser process, so that there is none where it would be the whole file. */
export function slice(file: File, from: number, to: number): Blob {
  return from === 0 && to === file.size ? file : file.slice(from, to);
}

export class Store {
  /** By file, then by index. */
  readonly #files = new Map<number, Map<number, Kept>>();

  keep(file: number, index: number, kept: Kept): void {
    let blocks = this.#files.get(file);
    if (!blocks) this.#files.set(file, blocks = new Map());
    blocks.set(index, kept);
  }

  get(file: number, index: number): Kept | undefined {
    return this.#files.get(file)?.get(index);
  }

  /**
   * Drops blocks of a file. Their bytes are left to the collector: freed by hand (`buffer.transfer(0)`), they take away its
   * reason to run, and Chromium's own copies of the bodies then pile up.
   */
  forget(file: number, from: number, to: number): void {
    const blocks = this.#files.get(file);
    for (let index = from; index < to; index++) blocks?.delete(index);
    if (blocks?.size === 0) this.#files.delete(file);
  }

  /** Bytes kept, wherever they are, for tests. */
  get bytes(): number {
    let bytes = 0;
    for (const blocks of this.#files.values()) for (const { length } of blocks.values()) bytes += length;
    return bytes;
  }
}
