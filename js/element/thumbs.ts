/** Small pictures of the images in view. */
import type { UploadFile } from '../types.js';

/** What browsers show. Reading the type of a file costs nothing, unlike its size. */
const IMAGE = /^image\/(?:png|jpeg|gif|webp|avif|bmp|svg\+xml)$/;

export class Thumbs {
  readonly #urls = new Map<number, string>();
  #seen = new Set<number>();

  /** The address of the picture of a row that is in view now. */
  url({ id, file }: UploadFile): string | undefined {
    if (!file || !IMAGE.test(file.type)) return undefined;
    this.#seen.add(id);
    const url = this.#urls.get(id) ?? URL.createObjectURL(file);
    this.#urls.set(id, url);
    return url;
  }

  /** What was not asked for since the last call is out of view, and let go. */
  sweep(): void {
    for (const [id, url] of this.#urls) {
      if (this.#seen.has(id)) continue;
      URL.revokeObjectURL(url);
      this.#urls.delete(id);
    }
    this.#seen = new Set();
  }
}
