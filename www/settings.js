// What can be set, and the form for it. A setting is one more entry here, and its words (`set.NAME`, `set.NAME.text`).

const KEPT = 'cloudindex-page';

/** A size as the package takes it: a number, or `512KB`, `1.5 GiB`. */
const SIZE = String.raw`\d+(\.\d+)?\s*([kKmMgGtT][iI]?)?[bB]?`;

/** `preset` is what the uploader does by itself, where it is one of its options; `resume` is off there, for this page it is on. */
export const SETTINGS = {
  batchName: { type: 'text', preset: '' },
  concurrency: { type: 'number', preset: 5, min: 1, max: 64 },
  maxBatchBytes: { type: 'text', preset: '', pattern: SIZE },
  retryAttempts: { type: 'number', preset: 3, min: 1, max: 1000 },
  worker: { type: 'checkbox', preset: true },
  resume: { type: 'checkbox', preset: true },
  thumbnails: { type: 'checkbox', preset: false },
  language: { type: 'select', preset: '', choices: { '': '', en: 'English', de: 'Deutsch', ja: '日本語', ar: 'العربية' } },
  theme: { type: 'select', preset: 'system', choices: { system: '', light: '', dark: '' } },
};

export class Settings {
  values = Object.fromEntries(Object.entries(SETTINGS).map(([name, { preset }]) => [name, preset]));
  #form;
  #words;
  #changed;

  /** `changed(name)` is called for each that changed; without a name: any may have. */
  constructor(form, changed) {
    this.#form = form;
    this.#changed = changed;
    try {
      for (const [name, value] of Object.entries(JSON.parse(localStorage.getItem(KEPT)) ?? {})) {
        if (typeof value === typeof SETTINGS[name]?.preset) this.values[name] = value;
      }
    } catch {
      // Nothing is kept, or nothing may be.
    }
    form.addEventListener('submit', (event) => event.preventDefault());
    form.addEventListener('change', ({ target }) => this.#take(target));
    form.addEventListener('reset', (event) => {
      event.preventDefault(); // What the form began with is not what the defaults are.
      for (const [name, { preset }] of Object.entries(SETTINGS)) this.values[name] = preset;
      this.#keep();
      this.#changed();
    });
  }

  /** Those of a name that are not as they are anyway. */
  changed(...names) {
    return Object.fromEntries(names.filter((name) => this.values[name] !== SETTINGS[name].preset).map((name) => [name, this.values[name]]));
  }

  /** Shows it all in these words. */
  set words(words) {
    this.#words = words;
    for (const row of this.#form.querySelectorAll('.setting')) row.remove();
    this.#form.querySelector('button').before(...Object.entries(SETTINGS).map(([name, how]) => this.#row(name, how)));
  }

  #row(name, how) {
    const { say, count } = this.#words;
    const row = document.createElement('div');
    row.className = `setting ${how.type}`;
    const input = how.type === 'select' ? this.#select(name, how) : document.createElement('input');
    const { type, preset: _, choices: __, ...more } = how;
    if (type !== 'select') Object.assign(input, { type, ...more, autocomplete: 'off', spellcheck: false });
    Object.assign(input, { id: `set-${name}`, name });
    if (type === 'checkbox') input.checked = this.values[name];
    else input.value = this.values[name];
    input.required = type === 'number';
    input.setAttribute('aria-describedby', `set-${name}-text`);
    const label = Object.assign(document.createElement('label'), { htmlFor: input.id, textContent: say(`set.${name}`) });
    const preset = typeof how.preset === 'number' ? count(how.preset) : how.preset;
    const text = Object.assign(document.createElement('p'), { id: `set-${name}-text`, className: 'quiet', textContent: say(`set.${name}.text`, { preset }) });
    row.append(label, input, text);
    return row;
  }

  #select(name, { choices }) {
    const select = document.createElement('select');
    select.append(...Object.entries(choices).map(([value, text]) => {
      const option = Object.assign(document.createElement('option'), { value, textContent: text || this.#words.say(`set.${name}.${value || 'none'}`) });
      if (text) option.lang = value; // A language is named in itself.
      return option;
    }));
    return select;
  }

  #take(input) {
    const how = SETTINGS[input.name];
    if (!how) return;
    if (!input.reportValidity()) return;
    this.values[input.name] = how.type === 'checkbox' ? input.checked : how.type === 'number' ? Number(input.value) : input.value.trim();
    this.#keep();
    this.#changed(input.name);
  }

  #keep() {
    try {
      localStorage.setItem(KEPT, JSON.stringify(this.changed(...Object.keys(SETTINGS))));
    } catch {
      // Then it is for this visit.
    }
  }
}
