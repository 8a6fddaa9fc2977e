// Searching the documents of a batch: while somebody types, the best first. An answer to what is no longer asked is never shown.
import { hand } from './content.js';
import { node, picture } from './dom.js';

/** ms without another key before the server is asked. */
const REST = 250;
/** Documents at most: who looks further than this asks better with other words. */
const MOST = 20;

const SAVE = 'M12 4v11m0 0-4.5-4.5M12 15l4.5-4.5M4 16v2a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-2';

export class Search {
  #root;
  #input;
  #told;
  #hits;
  #words;
  #server;
  #batchId;
  /** What is shown: `{ is: 'nothing' }`, `{ is: 'found', query, results, notice }` or `{ is: 'failed', why }`. */
  #shown = { is: 'nothing' };
  /** Of the question that is to be answered. */
  #asking = new AbortController();
  #typing;

  constructor(root) {
    this.#root = root;
    this.#input = root.querySelector('input');
    this.#told = root.querySelector('[role=status]');
    this.#hits = root.querySelector('ol');
    root.querySelector('form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#ask();
    });
    this.#input.addEventListener('input', () => {
      clearTimeout(this.#typing);
      // An empty field is answered at once.
      if (this.#query === '') this.#ask();
      else this.#typing = setTimeout(() => this.#ask(), REST);
    });
  }

  set words(words) {
    this.#words = words;
    this.#input.placeholder = words.say('searchHint');
    this.#paint();
  }

  /** Another batch: what was asked is asked of that one. */
  of(server, batchId) {
    this.#server = server;
    this.#batchId = batchId;
    this.#ask();
  }

  get #query() {
    return this.#input.value.trim();
  }

  async #ask() {
    clearTimeout(this.#typing);
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const query = this.#query;
    if (query === '') return this.#show({ is: 'nothing' });
    this.#root.setAttribute('aria-busy', 'true');
    let shown;
    try {
      shown = { is: 'found', query, ...await this.#server.client.search(query, { batchId: this.#batchId, limit: MOST, signal }) };
    } catch (error) {
      shown = { is: 'failed', why: error.message };
    }
    if (!signal.aborted) this.#show(shown);
  }

  #show(shown) {
    this.#shown = shown;
    this.#root.removeAttribute('aria-busy');
    this.#paint();
  }

  #paint() {
    const { is, query, results = [], notice = '', why } = this.#shown;
    const { say, count } = this.#words;
    this.#hits.replaceChildren(...results.map((hit) => this.#hit(hit, marker(query))));
    if (is === 'nothing') return this.#tell('');
    if (is === 'failed') return this.#tell(say('searchFailed', { why }), node('button', { type: 'button', textContent: say('again'), onclick: () => this.#ask() }));
    const found = results.length === 0 ? say('foundNothing', { query }) : say(results.length < MOST ? 'found' : 'foundMost', { n: count(results.length) });
    this.#tell(`${found} ${notice}`.trim());
  }

  #tell(text, ...more) {
    this.#told.dataset.is = this.#shown.is;
    this.#told.replaceChildren(node('span', { textContent: text }), ...more);
  }

  #hit(hit, marked) {
    const { path, snippet } = hit;
    const name = path.split('/').at(-1);
    const folder = path.slice(0, Math.max(0, path.length - name.length - 1));
    const { say } = this.#words;
    const save = say('save', { name });
    return node('li', {},
      node('div', { className: 'hit' },
        node('button', { type: 'button', className: 'link', title: path, onclick: ({ currentTarget }) => this.#hand(hit, 'open', currentTarget) }, node('bdi', {}, ...marked(name))),
        folder && node('span', { className: 'quiet folder', title: folder }, node('bdi', { textContent: folder })),
        node('button', { type: 'button', className: 'icon', title: save, aria: { label: save }, onclick: ({ currentTarget }) => this.#hand(hit, 'save', currentTarget) }, picture(SAVE))),
      snippet && node('p', { dir: 'auto' }, ...marked(snippet)));
  }

  /** Opens or saves a document; its button waits meanwhile. */
  async #hand(hit, how, button) {
    if (button.ariaBusy === 'true') return;
    button.ariaBusy = 'true';
    try {
      await hand(this.#server, hit, how);
    } catch (error) {
      this.#tell(this.#words.say('openFailed', { name: hit.path, why: error.message }));
    } finally {
      button.ariaBusy = null;
    }
  }
}

/** Words that say nothing of what is looked for. */
const COMMON = new Set('and are did does for from has how its that the their this was were what when where which who why will with'.split(' '));

/** Cuts a text where words of the query stand, and marks them. */
function marker(query = '') {
  const words = (query.match(/[\p{L}\p{N}]{3,}/gu) ?? []).filter((word) => !COMMON.has(word.toLowerCase()));
  if (words.length === 0) return (text) => [text];
  // One that ends otherwise counts too: the search takes no offence at endings.
  const wanted = new RegExp(`((?<![\\p{L}\\p{N}])(?:${words.join('|')})[\\p{L}\\p{N}]{0,3})`, 'giu');
  return (text) => text.split(wanted).map((piece, i) => (i % 2 === 1 ? node('mark', { textContent: piece }) : piece));
}
