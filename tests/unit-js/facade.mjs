// The facade as Node can run it: bundled from its sources, with a host that a test plays instead of the wasm.
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const js = fileURLToPath(new URL('../../js/', import.meta.url));

/** An empty wasm module: the facade compiles it, and never calls it. */
export const wasmUrl = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);

const GLUE = `
  const played = () => globalThis.played;
  export default async () => {};
  export const initSync = () => {};
  export const host = (...given) => played().host(...given);
  export const readers = () => 0;
  export const checkOptions = (options) => played().checkOptions?.(options);
  export const planBatches = (...given) => played().planBatches(...given);
  export const left = (options) => played().left(JSON.parse(options));
  export const validate = (...given) => played().validate(...given);
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
    name: 'played glue',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /\/glue\.js$/ }, () => ({ path: 'glue', namespace: 'played' }));
      onResolve({ filter: /\/intake\.js$/ }, () => ({ path: 'intake', namespace: 'played' }));
      onLoad({ filter: /.*/, namespace: 'played' }, ({ path }) => ({ contents: path === 'glue' ? GLUE : INTAKE }));
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
      left: async (options) => this.left?.(options),
      checkOptions: (options) => this.checkOptions?.(JSON.parse(options)),
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

  say(message) {
    this.#control.postMessage(message);
  }

  /** An update with what is given over the dullest one there is. */
  update(update, progress = {}) {
    this.say({
      t: 'update',
      update: {
        phase: 'running',
        files: [],
        groups: [],
        ...update,
        progress: { total: 0, completed: 0, failed: 0, bytes: 0, totalBytes: 0, bytesPerSecond: 0, percent: 0, basis: 'files', ...progress },
      },
    });
  }
}

export function files(...names) {
  return names.map((name) => new File([name], name));
}
