/** The uploader's events, told again by the element. */
import type { UploaderEvents } from '../events.js';
import type { Uploader } from '../uploader.js';

type Type = keyof UploaderEvents;

/** These come seldom. The others come for every file, and are told once somebody listens to them on the element itself. */
const ALWAYS: Type[] = ['fileerror', 'filerejected', 'progress', 'stalled', 'status', 'error', 'complete'];
const PER_FILE: Type[] = ['fileadded', 'fileprogress', 'filecomplete', 'fileremoved', 'batchstart', 'batchcomplete'];

export class Relay {
  readonly #element: EventTarget;
  readonly #types = new Set<Type>(ALWAYS);
  #uploader: Uploader | undefined;
  #signal: AbortSignal | undefined;

  constructor(element: EventTarget) {
    this.#element = element;
  }

  /** Somebody listens on the element. */
  heard(type: string): void {
    if (!PER_FILE.includes(type as Type) || this.#types.has(type as Type)) return;
    this.#types.add(type as Type);
    this.#tell(type as Type);
  }

  follow(uploader: Uploader, signal: AbortSignal): void {
    this.#uploader = uploader;
    this.#signal = signal;
    for (const type of this.#types) this.#tell(type);
  }

  #tell(type: Type): void {
    if (!this.#uploader || !this.#signal) return;
    this.#uploader.addEventListener(type, ({ detail }: CustomEvent) => {
      // An `error` that reaches the window looks like one that nobody caught.
      const bubbles = type !== 'error';
      this.#element.dispatchEvent(new CustomEvent(type, { detail, bubbles, composed: true }));
    }, { signal: this.#signal });
  }
}
