/** Ways in: drop and paste. */
import type { Source } from '../types.js';

/** Which of two things a drag is doing above the element. */
export type Drag = 'none' | 'over';

/**
 * Takes what is dropped or pasted on an element. `take` is called in the event itself, because afterwards the browser empties it;
 * `changed` whenever a drag comes or goes.
 */
export class Gather {
  drag: Drag = 'none';
  readonly #take: (source: Source) => void;
  readonly #changed: () => void;

  constructor(element: HTMLElement, take: (source: Source) => void, changed: () => void) {
    this.#take = take;
    this.#changed = changed;
    element.addEventListener('dragenter', (event) => this.#over(event));
    element.addEventListener('dragover', (event) => this.#over(event));
    element.addEventListener('dragleave', (event) => {
      // Children are left and entered all the time.
      if (!(event.relatedTarget instanceof Node) || !element.shadowRoot?.contains(event.relatedTarget) && !element.contains(event.relatedTarget)) this.#set('none');
    });
    element.addEventListener('drop', (event) => {
      this.#set('none');
      if (!event.dataTransfer || !hasFiles(event)) return;
      event.preventDefault();
      this.#take(event.dataTransfer);
    });
  }

  /** Files that are pasted while the element or nothing else has the focus; text that is pasted into a field is not ours. */
  paste(event: ClipboardEvent): void {
    const data = event.clipboardData;
    if (!data || data.files.length === 0 || event.defaultPrevented) return;
    event.preventDefault();
    this.#take(data);
  }

  #over(event: DragEvent): void {
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = 'copy';
    this.#set('over');
  }

  #set(drag: Drag): void {
    if (this.drag === drag) return;
    this.drag = drag;
    this.#changed();
  }
}

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes('Files') ?? false;
}
