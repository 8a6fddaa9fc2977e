/** What an earlier page left unfinished, and what can be done about it. */
import { asUploadError } from '../errors.js';
import type { UploadError } from '../errors.js';
import type { Interrupted } from '../types.js';
import type { Uploader } from '../uploader.js';

/** `refused`: the user did not let the page read the files by itself. */
export type LeftState = 'idle' | 'working' | 'refused';

export class Left {
  found: Interrupted | undefined;
  state: LeftState = 'idle';
  readonly #changed: (error?: UploadError) => void;
  /** Counts looks: an answer to an older one is of no interest. */
  #look = 0;

  constructor(changed: (error?: UploadError) => void) {
    this.#changed = changed;
  }

  forget(): void {
    this.#look++;
    this.found = undefined;
    this.state = 'idle';
  }

  async look(uploader: Uploader): Promise<void> {
    const look = ++this.#look;
    const found = await this.#try(() => uploader.interrupted());
    if (look !== this.#look) return;
    this.found = found;
    this.#changed();
  }

  /** Resolves to true when files are coming. Call it in a click. */
  async continue(uploader: Uploader): Promise<boolean> {
    return (await this.#act(async () => {
      const goesOn = await uploader.continue();
      this.state = goesOn ? 'idle' : 'refused';
      return goesOn;
    })) ?? false;
  }

  /** Resolves to true when it is forgotten. */
  async discard(uploader: Uploader): Promise<boolean> {
    return (await this.#act(async () => {
      const now = await uploader.interrupted(); // Another tab may be at it by now.
      if (now?.elsewhere) {
        this.found = now;
        return false;
      }
      await uploader.discard();
      this.forget();
      return true;
    })) ?? false;
  }

  /** One at a time. */
  async #act<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.state === 'working') return undefined;
    this.state = 'working';
    this.#changed();
    const result = await this.#try(work);
    if (this.state === 'working') this.state = 'idle';
    this.#changed();
    return result;
  }

  async #try<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (thrown) {
      this.#changed(asUploadError(thrown));
      return undefined;
    }
  }
}
