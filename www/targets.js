// Where files go. A target is one more entry here, and its words (`target.NAME`, and `field.NAME` for each field).
import { CloudIndex, cloudindex } from './dist/index.js';

/**
 * `fields`: what a person gives; a field of the type `password` is never kept. `make(values, common)` gives the package's target;
 * `common`: what every one takes. `where(values)` tells the place in a word or two. `server(values)`: what is asked about documents that
 * have arrived, `{ baseUrl, apiKey }`; a target without it only takes them.
 */
export const TARGETS = {
  /** The server that this page came from, or that it names in page/config.json. */
  here: {
    fields: {},
    make: ({ apiKey, baseUrl = '' }, common) => cloudindex({ apiKey, baseUrl, ...common }),
    where: ({ baseUrl }) => baseUrl || location.host,
    server: ({ apiKey, baseUrl = '' }) => ({ apiKey, baseUrl }),
  },
  cloudindex: {
    fields: { baseUrl: { type: 'url', placeholder: 'https://' }, apiKey: { type: 'password' } },
    make: ({ apiKey, baseUrl }, common) => cloudindex({ apiKey, baseUrl, ...common }),
    where: ({ baseUrl }) => new URL(baseUrl).host,
    server: ({ apiKey, baseUrl }) => ({ apiKey, baseUrl }),
  },
};

const KEPT = 'cloudindex-page-target';

/** The form that chooses one of them. */
export class Chooser {
  /** Which one, and what was given for it. */
  name = 'here';
  values = {};
  #form;
  #summary;
  #given = { here: {} };
  #changed;

  constructor(details, changed) {
    this.#form = details.querySelector('form');
    this.#summary = details.querySelector('summary span');
    this.#changed = changed;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#take(new FormData(this.#form));
    });
    this.#form.addEventListener('change', ({ target }) => {
      if (target.name === 'target') this.#show(target.value);
    });
    try {
      Object.assign(this.#given, JSON.parse(localStorage.getItem(KEPT)));
    } catch {
      // Nothing is kept.
    }
  }

  /** What is known of this page's own server. */
  set here(values) {
    this.#given.here = values;
    if (this.name === 'here') this.values = values;
  }

  get where() {
    return TARGETS[this.name].where(this.values);
  }

  /** A server lets nobody in without a key. */
  get ready() {
    return Boolean(this.values.apiKey);
  }

  make(common) {
    return TARGETS[this.name].make(this.values, common);
  }

  /** What is asked about documents there, and its client; nothing for a target that only takes files. */
  server() {
    const server = TARGETS[this.name].server?.(this.values);
    return server && { ...server, client: new CloudIndex(server) };
  }

  /** Shows it all in these words. */
  set words(words) {
    const { say } = words;
    const shown = this.#form.elements.target?.value ?? this.name;
    const radios = Object.keys(TARGETS).map((name) => {
      const input = Object.assign(document.createElement('input'), { type: 'radio', name: 'target', value: name, checked: name === shown });
      const label = document.createElement('label');
      label.append(input, ` ${say(`target.${name}`)}`);
      return label;
    });
    const group = document.createElement('fieldset');
    const legend = Object.assign(document.createElement('legend'), { className: 'hidden', textContent: say('target') });
    group.append(legend, ...radios);
    this.#form.replaceChildren(group, ...Object.entries(TARGETS).map(([name, { fields }]) => this.#panel(name, fields, say)));
    this.#show(shown);
    this.tell(words);
  }

  /** What is chosen, beside the heading. */
  tell({ say }) {
    this.#summary.textContent = this.name === 'here' ? say('target.here') : this.where;
  }

  #panel(target, fields, say) {
    const panel = document.createElement('fieldset');
    panel.className = 'fields';
    panel.dataset.target = target;
    for (const [name, { type, placeholder = '' }] of Object.entries(fields)) {
      const input = Object.assign(document.createElement('input'), {
        id: `${target}-${name}`, name, type, placeholder, required: true, autocomplete: 'off', spellcheck: false, dir: 'ltr',
        value: this.#given[target]?.[name] ?? '',
      });
      const label = Object.assign(document.createElement('label'), { htmlFor: input.id, textContent: say(`field.${name}`) });
      panel.append(label, input);
    }
    const hint = Object.assign(document.createElement('p'), { className: 'quiet' });
    const [before, ...after] = say(`target.${target}.text`).split('{flag}');
    const flag = () => Object.assign(document.createElement('code'), { dir: 'ltr', textContent: `--allow-origin ${location.origin}` });
    hint.append(before, ...after.flatMap((text) => [flag(), text]));
    const button = Object.assign(document.createElement('button'), { textContent: say('useTarget') });
    panel.append(hint, button);
    return panel;
  }

  /** The fields of one; those of the others are out of the form until they are wanted. */
  #show(name) {
    for (const panel of this.#form.querySelectorAll('.fields')) panel.hidden = panel.disabled = panel.dataset.target !== name;
  }

  #take(data) {
    const name = data.get('target');
    const fields = Object.entries(TARGETS[name].fields);
    if (fields.length > 0) this.#given[name] = Object.fromEntries(fields.map(([field]) => [field, data.get(field).trim()]));
    this.name = name;
    this.values = this.#given[name];
    const open = fields.filter(([, { type }]) => type !== 'password').map(([field]) => [field, this.values[field]]);
    try {
      if (open.length > 0) localStorage.setItem(KEPT, JSON.stringify({ [name]: Object.fromEntries(open) }));
    } catch {
      // It will be asked for again.
    }
    this.#changed();
  }
}
