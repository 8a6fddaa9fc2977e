/**
 * The part of a long list that is in view, and the row that the keyboard is on. Every row is equally high, so where a row stands is
 * one multiplication: a library that measures rows would bring several times this file's size and no more.
 */

/** Pixels; the style sheet has the same. */
export const ROW = 52;
export const HEAD = 36;

export class List {
  /** The place that the keyboard is on; -1: none yet. */
  active = -1;
  readonly #changed: () => void;
  #grid: HTMLElement | undefined;
  #height = 0;
  #top = 0;
  #length = 0;
  /** Scrolls with the upload until the user scrolls. */
  #follows: 'upload' | 'user' = 'upload';
  // In the next frame: what is rendered within this one may change the size again, of which browsers complain as an error of the page.
  readonly #resized = new ResizeObserver(() => requestAnimationFrame(() => {
    this.#height = (this.#grid?.clientHeight ?? 0) - HEAD;
    this.#changed();
  }));

  /** `changed` is called when other rows come into view. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** The first row in view, and how many there are. */
  window(length: number): { first: number; count: number } {
    this.#length = length;
    this.active = Math.min(this.active, length - 1);
    const most = Math.ceil(this.#height / ROW) + 1;
    const first = Math.max(0, Math.min(Math.floor(this.#top / ROW), length - most));
    return { first, count: Math.min(most, length - first) };
  }

  /** After each update: places what was rendered. `frontier`: the row around which things happen, if there is one. */
  place(grid: HTMLElement | null, first: number, frontier: number | undefined): void {
    if (!grid) return;
    this.#attach(grid);
    const rows = grid.querySelector<HTMLElement>('.rows');
    const shown = grid.querySelector<HTMLElement>('.window');
    if (!rows || !shown) return;
    // By the object model: an attribute would need a style-src that allows it.
    rows.style.blockSize = `${this.#length * ROW}px`;
    shown.style.transform = `translateY(${first * ROW}px)`;
    if (this.#follows === 'user' || frontier === undefined) return;
    const top = Math.max(0, Math.min(this.#length * ROW - this.#height, (frontier - this.#height / ROW / 2) * ROW));
    if (Math.abs(top - this.#top) >= ROW) grid.scrollTop = top;
  }

  /** Other rows are listed: from the top again. */
  restart(follows: 'upload' | 'user'): void {
    this.active = -1;
    this.#follows = follows;
    if (this.#grid) this.#grid.scrollTop = 0;
  }

  detach(): void {
    this.#resized.disconnect();
    this.#grid = undefined;
  }

  /** Moves the active row; true if the key does that. */
  key({ key, ctrlKey, metaKey, altKey }: KeyboardEvent): boolean {
    if (ctrlKey || metaKey || altKey || this.#length === 0) return false;
    const page = Math.max(1, Math.floor(this.#height / ROW) - 1);
    const last = this.#length - 1;
    const to: Record<string, number> = {
      ArrowDown: this.active + 1, ArrowUp: this.active < 0 ? last : this.active - 1,
      PageDown: this.active + page, PageUp: this.active - page, Home: 0, End: last,
    };
    const wanted = to[key];
    if (wanted === undefined) return false;
    this.#follows = 'user';
    this.active = Math.max(0, Math.min(last, wanted));
    this.#reveal();
    this.#changed();
    return true;
  }

  #reveal(): void {
    const grid = this.#grid;
    if (!grid) return;
    const top = this.active * ROW;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + ROW > grid.scrollTop + this.#height) grid.scrollTop = top + ROW - this.#height;
    this.#top = grid.scrollTop;
  }

  #attach(grid: HTMLElement): void {
    if (this.#grid === grid) return;
    this.detach();
    this.#grid = grid;
    this.#top = grid.scrollTop;
    this.#resized.observe(grid);
    grid.addEventListener('scroll', () => {
      this.#top = grid.scrollTop;
      this.#changed();
    }, { passive: true });
    for (const gesture of ['wheel', 'touchmove', 'pointerdown']) {
      grid.addEventListener(gesture, () => { this.#follows = 'user'; }, { passive: true });
    }
  }
}
