/** Small pictures of the images in view. */
import type { UploadFile } from '../types.js';

/** What browsers show. Reading the type of a file costs nothing, unlike its size. */
const IMAGE = /^image\/(?:png|jpeg|gif|webp|avif|bmp|svg\+xml)$/;

export class Thumbs {
  /** By file: another uploader has the same ids. */
  readonly #urls = new Map<File, string>();
  #seen = new Set<File>();

  /** The address of the picture of a row that is in view now. */
  url({ file }: Pick<UploadFile, 'file'>): string | undefined {
    if (!file || !IMAGE.test(file.type)) return undefined;
    this.#seen.add(file);
    const url = this.#urls.get(file) ?? URL.createObjectURL(file);
    this.#urls.set(file, url);
    return url;
  }

  /** What was not asked for since the last call is out of view, and let go. */
  sweep(): void {
    for (const [file, url] of this.#urls) {
      if (this.#seen.has(file)) continue;
      URL.revokeObjectURL(url);
      this.#urls.delete(file);
    }
    this.#seen = new Set();
  }
}
