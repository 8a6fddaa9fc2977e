// Requests and bytes of the upload, beside what a request a file would have taken. Both for the files that have arrived: so the
// comparison is fair at every moment, not only at the end.
import { Requests } from './requests.js';

/** ms between two paints: each is a layout that the upload does not get. */
const PAINT_EVERY = 500;

const $ = (id) => document.getElementById(id);

export class Counters {
  #requests = new Requests(() => this.#paintSoon());
  #element;
  #words;
  #painting = false;

  constructor(element) {
    this.#element = element;
    element.addEventListener('uploaderchange', () => {
      this.#requests.restart();
      this.#paintSoon();
    });
    for (const type of ['progress', 'complete']) element.addEventListener(type, () => this.#paintSoon());
  }

  /** Starts workers whose requests are counted. */
  get worker() {
    return this.#requests.worker;
  }

  /** In which words and figures. */
  set words(words) {
    this.#words = words;
    this.#paint();
  }

  #paintSoon() {
    if (this.#painting) return;
    this.#painting = true;
    setTimeout(() => {
      this.#painting = false;
      this.#paint();
    }, PAINT_EVERY);
  }

  #paint() {
    const { completed = 0, bytes = 0, sentBytes = 0 } = this.#element.uploader?.progress ?? {};
    const { number } = this.#requests;
    const { count, size, ratio } = this.#words;
    const show = (id, text, value, most) => {
      const place = $(id);
      const now = number > 0 || completed > 0 ? text : '–';
      if (place.textContent !== now) place.textContent = now;
      // By the object model: an attribute would need a style-src that allows it.
      place.parentElement.style.setProperty('--part', most > 0 ? (100 * value) / most : 0);
    };
    show('requests', count(number), number, Math.max(number, completed));
    show('requests-each', count(completed), completed, Math.max(number, completed));
    show('sent', size(sentBytes), sentBytes, Math.max(sentBytes, bytes));
    show('bytes', size(bytes), bytes, Math.max(sentBytes, bytes));
    show('per-request', number > 0 ? ratio(completed / number) : '–', 0, 0);
  }
}
