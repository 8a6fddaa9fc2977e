// The facade as Node can run it: bundled from its sources, with a host that a test plays instead of the engine's side.
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const js = fileURLToPath(new URL('../../js/', import.meta.url));

/** An empty wasm module: the facade compiles it, and never calls it. */
export const wasmUrl = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);

const GLUE = `
  const played = () => globalThis.played;
  export const initSync = () => {};
  // Objects come whole: what is in them is the wasm's business.
  export class Options {
    #words = {};
    word(path, kind, number, text) {
      const value = { boolean: number !== 0, number, string: text, list: text.split('\\n'), object: text && kind === 'object' && JSON.parse(text) };
      this.#words[path] = kind in value ? value[kind] : null;
      return true;
    }
    check() { return played().check(this.#words); }
    readers() { return 0; }
    journal() { return played().journal(this.#words); }
    unfinished(records) { return records.length > 0 ? new TextDecoder().decode(records) : undefined; }
  }
  export class Files {}
  export class Cutting {}
  export class Core {}
`;
const HOST = `
  export class Host {
    constructor(...given) { globalThis.played.host(...given); }
  }
`;
const JOURNAL = `
  export const look = (scope) => globalThis.played.look(scope);
`;
const INTAKE = `
  export class Intake {
    constructor(port, hooks) { return globalThis.played.intake(port, hooks); }
  }
`;

const { outputFiles: [{ text }] } = await build({
  entryPoints: [`${js}index.ts`],
  bundle: true,
  format: 'esm',
  target: 'es2022',
  write: false,
  plugins: [{
    name: 'played',
    setup({ onResolve, onLoad }) {
      for (const [path, contents] of Object.entries({ glue: GLUE, host: HOST, intake: INTAKE, journal: JOURNAL })) {
        onResolve({ filter: new RegExp(`/${path}\\.js$`) }, () => ({ path, namespace: 'played' }));
        onLoad({ filter: new RegExp(`^${path}$`), namespace: 'played' }, () => ({ contents }));
      }
    },
  }],
});

/** The module as it is imported anew: with its own wasm, not loaded yet. */
let imports = 0;
export function facade() {
  return import(`data:text/javascript,${encodeURIComponent(`/* ${++imports} */${text}`)}`);
}

/**
 * Plays the host. `heard` are the messages it got; `say` sends to the facade; files that are added are reported under their
 * names. `answer(message, host)` may react to each message.
 */
export class Host {
  heard = [];
  options;
  fetch;
  hosts = 0;
  #control;
  #hooks;
  #rows = 0;

  constructor(answer) {
    globalThis.played = {
      check: (options) => json(this.checkOptions?.(options)),
      journal: (options) => {
        this.asked = options;
        return this.journal ? this.journal(options) : options.resume;
      },
      look: async () => {
        const { roots = [], elsewhere = false, ...left } = this.left?.(this.asked) ?? {};
        const records = 'batchId' in left ? [new TextEncoder().encode(json(left))] : [];
        return { records, roots, elsewhere };
      },
      host: (options, control, files, readers, fetch) => {
        this.hosts++;
        this.options = JSON.parse(options);
        this.fetch = fetch;
        this.#control = control;
        control.onmessage = ({ data }) => {
          this.heard.push(data);
          if (data.t === 'close') {
            control.close();
            files?.close();
          } else answer?.(data, this);
        };
        this.say({ t: 'ready' });
      },
      intake: (port, hooks) => {
        this.#hooks = hooks;
        this.roots = hooks.roots;
        return {
          walk: async ([{ iterator }]) => {
            const files = Array.from(iterator);
            this.added = files;
            this.#hooks.found(this.#rows, files, files.map(({ name }) => name));
            this.#rows += files.length;
            answer?.({ t: 'added', files }, this);
          },
          close: () => port.close(),
        };
      },
    };
  }

  /** Ends what keeps the test's process alive: nobody ends the engine of a client's calls. */
  close() {
    this.#control?.close();
  }

  say(message) {
    this.#control.postMessage(message);
  }

  /** An update with what is given over the dullest one there is. */
  update(update, { bytesPerSecond = 0, secondsLeft = NaN, percent = 0, ...progress } = {}) {
    this.say({
      t: 'update',
      update: json({
        phase: 'running',
        files: [],
        groups: [],
        ...update,
        progress: { total: 0, completed: 0, failed: 0, bytes: 0, totalBytes: 0, basis: 'files', ...progress },
      }),
      bytesPerSecond,
      secondsLeft,
      percent,
    });
  }
}

/** As the wasm says it: undefined is no text. */
function json(value) {
  return value === undefined ? undefined : JSON.stringify(value);
}

export function files(...names) {
  return names.map((name) => new File([name], name));
}
