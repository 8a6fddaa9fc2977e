// A list that costs the same for ten files as for a hundred thousand: only the rows in view exist.
import { STATUS, reasonOf, size } from './words.js';

/** Pixels; style.css has the same. */
const ROW = 44;

export class List {
  #box;
  #spacer = document.createElement('div');
  #rows = [];
  /** What each row shows, so that only what changed is painted. */
  #shown = new WeakMap();
  #height = 0;
  #length = 0;
  /** Scrolls with the upload until the user scrolls. */
  #follows = true;

  constructor(box, onAct) {
    this.#box = box;
    this.#spacer.className = 'spacer';
    box.append(this.#spacer);
    box.addEventListener('scroll', () => this.onscroll?.(), { passive: true });
    for (const gesture of ['wheel', 'touchmove', 'pointerdown', 'keydown']) {
      box.addEventListener(gesture, () => { this.#follows = false; }, { passive: true });
    }
    box.addEventListener('click', ({ target }) => {
      const act = target.closest('button')?.dataset.act;
      if (act) onAct(act, Number(target.closest('.row').dataset.id));
    });
    new ResizeObserver(() => {
      this.#height = box.clientHeight;
      this.onscroll?.();
    }).observe(box);
  }

  /** Called when other rows come into view. */
  onscroll;

  follow() {
    this.#follows = true;
    this.#box.scrollTop = 0;
  }

  /** Shows `length` rows; `at(i)` gives the i-th file. `frontier`: the row around which things happen. */
  render(length, at, frontier) {
    if (length !== this.#length) {
      this.#length = length;
      this.#spacer.style.height = `${length * ROW}px`;
    }
    const inView = Math.ceil(this.#height / ROW) + 1;
    if (this.#follows && frontier !== undefined) {
      const top = Math.max(0, Math.min(length * ROW - this.#height, (frontier - inView / 2) * ROW));
      if (Math.abs(top - this.#box.scrollTop) >= ROW) this.#box.scrollTop = top;
    }
    const first = Math.max(0, Math.min(Math.floor(this.#box.scrollTop / ROW), length - inView));
    const shown = Math.min(inView, length - first);
    while (this.#rows.length < shown) this.#rows.push(this.#makeRow());
    for (const [i, row] of this.#rows.entries()) {
      const file = i < shown ? at(first + i) : undefined;
      if (file) this.#paint(row, file, first + i, length);
      else if (!row.hidden) row.hidden = true;
    }
  }

  #makeRow() {
    const row = document.createElement('div');
    row.className = 'row';
    row.setAttribute('role', 'listitem');
    const part = (name, parent = row, tag = 'div') => {
      const element = document.createElement(tag);
      element.className = name;
      parent.append(element);
      return element;
    };
    const what = part('what');
    const path = part('path', what);
    const why = part('reason', what);
    const bytes = part('size');
    const state = part('state');
    const status = part('status', state, 'span');
    const bar = part('', part('track', state));
    const button = part('', row, 'button');
    button.type = 'button';
    this.#shown.set(row, { parts: { path, why, bytes, status, bar, button } });
    this.#box.append(row);
    return row;
  }

  #paint(row, file, index, length) {
    const shown = this.#shown.get(row);
    const { parts } = shown;
    const set = (key, value, paint) => {
      if (shown[key] !== value) paint((shown[key] = value));
    };
    row.hidden = false;
    set('index', index, (value) => {
      row.style.transform = `translateY(${value * ROW}px)`;
      row.setAttribute('aria-posinset', value + 1);
    });
    set('length', length, (value) => row.setAttribute('aria-setsize', value));
    set('id', file.id, (value) => { row.dataset.id = value; });
    set('path', file.path, (value) => { parts.path.textContent = value; parts.path.title = value; });
    set('why', reasonOf(file), (value) => { parts.why.textContent = value; parts.why.title = value; });
    set('size', file.size === undefined ? '' : size(file.size), (value) => { parts.bytes.textContent = value; });
    set('status', file.status, (value) => { row.dataset.status = value; });
    set('words', file.status === 'sending' && file.percent > 0 ? `${file.percent}%` : STATUS[file.status], (value) => { parts.status.textContent = value; });
    set('percent', file.percent, (value) => { parts.bar.style.transform = `scaleX(${value / 100})`; });
    set('act', actOf(file.status), (value) => {
      parts.button.textContent = value === 'retry' ? 'Retry' : value === 'remove' ? 'Remove' : '';
      parts.button.dataset.act = value;
    });
    set('label', `${parts.button.textContent} ${file.name}`, (value) => parts.button.setAttribute('aria-label', value));
  }
}

function actOf(status) {
  if (status === 'failed') return 'retry';
  return status === 'waiting' || status === 'reading' || status === 'sending' ? 'remove' : '';
}
