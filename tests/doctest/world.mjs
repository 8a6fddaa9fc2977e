// What a document's blocks run in: a server, a gate before it that can stumble, a browser, and a page that is loaded through the
// gate. So what is to go wrong is outside: a block and its client are as they stand.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Chromium } from '../e2e/cdp.mjs';
import { Gate } from '../e2e/gate.mjs';
import { Page } from '../e2e/page.mjs';
import { Server } from '../e2e/server.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
/** The key that documents write. */
const API_KEY = 'your_api_key';
/** What waits to be tried again is not what these tests are about. */
const FLAGS = ['--api-key', API_KEY, '--allow-private-webhooks', '--webhook-wait', '200'];
/** A server on which much fails: nothing listens where embeddings are to come from, and its readers have little memory. */
const POOR = [
  '--api-key', API_KEY, '--extract-memory', '48', '--retry-wait', '1',
  '--embeddings-url', 'http://127.0.0.1:9/v1/embeddings', '--embeddings-model', 'none', '--embeddings-width', '8',
];

/** Bytes from which on a request carries files: questions for what is there already are shorter. */
const CONTENT = 30_000;

/** What a page would have: an input, a drop zone, a bar. */
const HARNESS = `<!doctype html><meta charset="utf-8"><title>doctest</title>
<input type="file" id="files" multiple><div id="drop"></div><progress id="bar" max="100" value="0"></progress><ul id="failures"></ul>`;

export class World {
  server;
  page;
  #poor;
  #gate;
  #browser;
  /** Modules that the page may import, by name: the blocks. */
  #modules = new Map();
  /** Answers to the next requests that carry files to a batch, by its id; and how many of those came. */
  #stumbles = new Map();
  #held = Promise.resolve();
  #release = () => {};
  #waiting = 0;

  static async open() {
    const world = new World();
    try {
      world.server = await Server.start(FLAGS);
      world.#gate = await Gate.before(world.server);
      world.#gate.answer = (request) => world.#meet(request);
      world.#browser = await Chromium.launch();
      await world.#openPage();
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  async close() {
    await this.#browser?.close();
    this.#gate?.close();
    await this.server?.stop();
    await this.#poor?.stop();
  }

  /** Makes a module that the page may import, and returns its address. */
  module(name, text) {
    this.#modules.set(name, text);
    return `/doctest/${name}`;
  }

  // What the page may ask for (`world()` in page/fixtures.js).

  /** From now on the page speaks with that server: `usual` or `poor`. */
  async use(which) {
    if (which === 'poor') this.#poor ??= await Server.start(POOR, { model: null });
    this.#gate.target(which === 'poor' ? this.#poor : this.server);
  }

  /** The next requests that carry files to this batch are answered so, `{ status, problem }` each. */
  stumble(batchId, answers) {
    this.#stumbles.set(batchId, { answers, came: 0 });
  }

  /** How many of them came since. */
  came(batchId) {
    return this.#stumbles.get(batchId).came;
  }

  /** Requests that carry files wait from now on. */
  hold() {
    this.#held = new Promise((release) => (this.#release = release));
  }

  release() {
    this.#release();
  }

  /** How many do. */
  waiting() {
    return this.#waiting;
  }

  /** Bytes of bodies that have reached the server. */
  async received() {
    return (await this.server.metrics()).cloudindex_body_bytes_total;
  }

  async #meet({ method, url, headers }) {
    const [, batchId] = /^\/v1\/batches\/([^/]+)\/(?:documents|blocks)$/.exec(url) ?? [];
    if (method !== 'POST' || !batchId || headers['content-length'] < CONTENT) return undefined;
    const stumble = this.#stumbles.get(batchId);
    if (stumble) return stumble.answers[stumble.came++];
    this.#waiting += 1;
    await this.#held;
    this.#waiting -= 1;
    return undefined;
  }

  /** A page of the server's own origin, so that an upload needs no address. What the server lacks for it is put in here. */
  async #openPage() {
    const page = this.page = await Page.open(this.#browser, 'about:blank');
    const { url } = this.#gate;
    this.#browser.on('Fetch.requestPaused', ({ requestId, request }) => {
      this.#answer(new URL(request.url).pathname.slice('/doctest/'.length), request)
        .catch((error) => ({ status: 500, type: 'text/plain', body: error.message }))
        .then(({ status = 200, type, body }) => page.send('Fetch.fulfillRequest', {
          requestId,
          responseCode: status,
          responseHeaders: [{ name: 'content-type', value: type }],
          body: Buffer.from(body).toString('base64'),
        }))
        .catch((error) => console.error(`${request.url}: ${error.message}`));
    });
    await page.send('Fetch.enable', { patterns: [{ urlPattern: `${url}/doctest/*` }] });
    await page.goto(`${url}/doctest/`);
    await page.evaluate(async (key) => {
      globalThis.doctest = await import('/doctest/harness.js');
      globalThis.doctest.begin(key);
    }, API_KEY);
  }

  async #answer(name, request) {
    if (name === '') return { type: 'text/html', body: HARNESS };
    if (name !== 'world') return { type: 'text/javascript', body: this.#modules.get(name) ?? await readFile(path.join(here, 'page', name)) };
    const { call, args } = JSON.parse(request.postData);
    return { type: 'application/json', body: JSON.stringify(await this[call](...args) ?? null) };
  }
}
