// A real server on a free port, with data of its own that goes when it stops.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT, ended } from '../../scripts/lib/run.mjs';
import { SERVER } from '../../scripts/lib/build.mjs';
import { model } from '../../scripts/lib/model.mjs';

export const KEY = 'test-key';

/** Flags of a server that stores documents and leaves them unprocessed, for what measures or breaks the upload: the pipeline
 *  takes processor and disk when it likes, which would move the figures. Its batches stay `processing` once they are closed. */
export const UPLOAD_ALONE = ['--workers', '0'];

export class Server {
  /** Its address, without a slash at the end. */
  url;
  /** What `request()` authorizes itself with. */
  key;
  #process;
  #data;
  /** Undefined when the data are somebody else's. */
  #scratch;
  #flags;
  /** Undefined: the one that `model()` gets; null: none. */
  #model;
  // Sockets kept open: fifty thousand documents are fetched one by one.
  #agent;

  /** It has the embedding model, which is fetched where it is missing, and processes what comes unless told `UPLOAD_ALONE`.
   *  `data`: a folder to use and leave, in place of one of its own. `model`: the folder of another model, or null for none. */
  static async start(flags = [], { data, model } = {}) {
    const server = new Server();
    server.#model = model;
    server.#data = data ?? (server.#scratch = await mkdtemp(join(tmpdir(), 'cloudindex-data-')));
    server.#flags = flags;
    await server.#launch('127.0.0.1:0');
    return server;
  }

  /** Ends it as a power cut does: no signal handler runs. */
  async kill() {
    await this.#end('SIGKILL');
  }

  /** Starts it again after `kill()`, on the same data and the same port. */
  async restart(flags = this.#flags) {
    this.#flags = flags;
    await this.#launch(new URL(this.url).host);
  }

  async #launch(listen) {
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    const given = this.#flags.indexOf('--api-key');
    this.key = given < 0 ? KEY : this.#flags[given + 1];
    const embedding = this.#model === null ? [] : ['--model', this.#model ?? await model()];
    const fixed = ['--listen', listen, '--data', this.#data, ...embedding, '--page', join(ROOT, 'dist/page'), ...(given < 0 ? ['--api-key', KEY] : [])];
    this.#process = spawn(SERVER, [...fixed, ...this.#flags], { stdio: ['ignore', 'pipe', 'inherit'] });
    const gone = ended(this.#process);
    this.url = await Promise.race([address(this.#process.stdout), gone.then((status) => Promise.reject(new Error(`${SERVER}: ${status}`)))]);
  }

  get pid() {
    return this.#process.pid;
  }

  /** The answer to a request of the API, as a stream that ends well or throws. */
  request(path, { method = 'GET', body } = {}) {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${this.key}`, ...(body && { 'content-type': 'application/json' }) };
      const request = http.request(this.url + path, { method, headers, agent: this.#agent }, (response) => {
        if (response.statusCode < 300) return resolve(response);
        response.resume();
        reject(new Error(`${method} ${path}: status ${response.statusCode}`));
      });
      request.on('error', reject).end(body && JSON.stringify(body));
    });
  }

  async json(path, options) {
    let text = '';
    for await (const chunk of (await this.request(path, options)).setEncoding('utf8')) text += chunk;
    return JSON.parse(text);
  }

  /** Every row of a list, page after page. */
  async *list(path, rows) {
    let cursor = '';
    do {
      const page = await this.json(`${path}?limit=1000${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      yield* page[rows];
      cursor = page.next;
    } while (cursor);
  }

  async newestBatch() {
    for await (const batch of this.list('/v1/batches', 'batches')) return batch.id;
    throw new Error('the server has no batch');
  }

  /** Its figures since it was started, by the names that they have for Prometheus (labels and all). */
  async metrics() {
    let text = '';
    for await (const chunk of (await this.request('/metrics')).setEncoding('utf8')) text += chunk;
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return Object.fromEntries(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]));
  }

  async stop(signal = 'SIGTERM') {
    await this.#end(signal);
    if (this.#scratch) await rm(this.#scratch, { recursive: true, force: true });
  }

  async #end(signal) {
    this.#agent.destroy();
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = ended(this.#process);
    this.#process.kill(signal);
    await gone;
  }
}

/** From the one line that the server prints; what follows is let through. */
async function address(stdout) {
  return new Promise((resolve) => {
    createInterface({ input: stdout }).on('line', (line) => {
      const found = /^listening on (http:\S+?)\/?$/.exec(line);
      if (found) resolve(found[1]);
    });
  });
}
