// Uppy without a face: a test starts it with the options that it is about, and looks at what it told.
import Uppy from '@uppy/core';
import { cloudindex } from 'cloudindex-uploader';
import { CloudIndexPlugin } from 'cloudindex-uploader/uppy';

const { apiKey } = await (await fetch('page/config.json')).json();
const EVENTS = [
  'upload', 'upload-start', 'upload-progress', 'upload-success', 'upload-error', 'upload-stalled', 'retry-all', 'progress', 'complete', 'file-removed',
];

/** Uppy with the plugin. `told` has `[event, names or arguments]` in order; `last` the arguments of an event when it last came. */
function start(options = {}, own = {}) {
  const uppy = new Uppy({ logger: { debug() {}, warn() {}, error() {} }, ...options })
    .use(CloudIndexPlugin, { target: cloudindex({ apiKey, batch: { name: 'Uppy' } }), ...own });
  const told = [];
  const last = {};
  for (const event of EVENTS) {
    uppy.on(event, (...given) => {
      last[event] = given;
      const files = [given[0]].flat().filter((one) => one?.meta);
      told.push([event, files.length > 0 ? files.map(({ meta }) => meta.name).join() : '']);
    });
  }
  Object.assign(app, { uppy, told, last });
  return uppy;
}

/** Adds files of these contents: `{ name: text }`. */
function add(contents, more = {}) {
  return Object.entries(contents).map(([name, text]) => app.uppy.addFile({ name, data: new File([text], name, { type: 'text/plain' }), ...more }));
}

/** A store that lets nobody change what is in it, as an application's own may be (Redux). */
class Frozen {
  #state = {};
  #heard = new Set();

  getState = () => this.#state;

  setState(patch) {
    const before = this.#state;
    this.#state = freeze({ ...before, ...patch });
    for (const hear of this.#heard) hear(before, this.#state, patch);
  }

  subscribe(hear) {
    this.#heard.add(hear);
    return () => this.#heard.delete(hear);
  }
}

function freeze(value) {
  if (typeof value !== 'object' || value === null || value instanceof Blob || Object.isFrozen(value)) return value;
  Object.values(value).forEach(freeze);
  return Object.freeze(value);
}

const names = (files) => files.map(({ meta }) => meta.name).sort();
/** What `upload()` gave, as a test compares it. */
const result = ({ successful, failed, uploadID }) => ({ successful: names(successful), failed: names(failed), id: typeof uploadID });
const heard = (event) => app.told.filter(([type]) => type === event).map(([, files]) => files);
const file = (name) => app.uppy.getFiles().find(({ meta }) => meta.name === name);

const app = { start, add, result, heard, file, cloudindex, apiKey, CloudIndexPlugin, store: () => new Frozen() };
globalThis.app = app;
