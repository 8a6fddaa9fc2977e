/** Files as they come, until it is ended: what an upload walks that is told of them one by one. */
export class Feed {
  #files: File[] = [];
  #state: 'open' | 'ended' = 'open';
  #wake = () => {};

  push(file: File): void {
    this.#files.push(file);
    this.#wake();
  }

  end(): void {
    this.#state = 'ended';
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<File, void, undefined> {
    for (;;) {
      yield* this.#files.splice(0);
      if (this.#files.length > 0) continue;
      if (this.#state === 'ended') return;
      await new Promise<void>((wake) => { this.#wake = wake; });
    }
  }
}
