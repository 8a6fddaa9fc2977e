// A browser of any of the three engines with one page in it, and what a scenario does there: the same words for all.
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { run } from '../../scripts/lib/run.mjs';
import { ENGINES, PYTHON, type } from './engines.mjs';

/** ms of the longest wait in a page. */
const PATIENCE = 300_000;

const DRAG = fileURLToPath(new URL('drag.py', import.meta.url));

export class Browser {
  engine;
  version;
  /** Errors that page and workers wrote to the console or did not catch, oldest first. */
  errors = [];
  #remote;
  #process;
  #exited;
  #profile;
  /** `{ name, process }` of an X server. */
  #screen;

  /** `engine`: a name in engines.mjs. */
  static async launch(engine) {
    const browser = new Browser();
    browser.engine = engine;
    browser.#profile = await mkdtemp(join(tmpdir(), `cloudindex-${engine}-`));
    try {
      await browser.#start(ENGINES[engine]);
    } catch (error) {
      await browser.close();
      throw error;
    }
    return browser;
  }

  async #start({ command, screen, preferences, errorIn, remote, wanted }) {
    if (preferences) await writeFile(join(this.#profile, 'user.js'), preferences);
    if (screen) this.#screen = await newScreen();
    const port = await freePort();
    const [program, ...args] = command({ port, profile: this.#profile });
    // A group of its own, so that nothing of it stays behind.
    const child = spawn(program, args, { env: { ...process.env, HOME: this.#profile, ...(screen && { DISPLAY: this.#screen.name }) }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.#process = child;
    // A runner that gives up on a scenario ends this program, and would leave the browser behind.
    process.once('exit', () => this.#kill());
    const lines = [child.stdout, child.stderr].map((input) => createInterface({ input }));
    for (const stream of lines) {
      stream.on('line', (line) => {
        if (process.env.ENGINES_LOG) console.log(`${this.engine} | ${line}`);
        const error = errorIn(line);
        if (error) this.errors.push(error);
      });
    }
    this.#exited = new Promise((resolve) => child.once('exit', resolve).once('error', resolve));
    const gone = this.#exited.then((why) => Promise.reject(new Error(`${program} ended: ${why}`)));
    gone.catch(() => {});
    const begun = async () => {
      this.#remote = await remote({ port, lines });
      const { browserName, browserVersion } = await this.#remote.begin(wanted(this.#profile));
      this.version = `${browserName} ${browserVersion}`;
      await this.#remote.send('SetTimeouts', { script: PATIENCE, pageLoad: 60_000 });
    };
    await Promise.race([begun(), gone]);
  }

  goto(url) {
    return this.#remote.send('Navigate', { url });
  }

  /** The page asks before it lets an unfinished upload go; the answer is yes (`unhandledPromptBehavior`). */
  reload() {
    return this.#remote.send('Refresh');
  }

  /** Runs a function in the page with JSON arguments, awaits it, and returns its JSON result. */
  async evaluate(body, ...args) {
    const script = `const done = arguments[arguments.length - 1];
      (async () => (${body})(...arguments[0]))().then((value) => done({ value }), (error) => done({ error: String(error) + '\\n' + error?.stack }));`;
    const { value, error } = await this.#remote.send('ExecuteAsyncScript', { script, args: [args] });
    if (error) throw new Error(`in the page: ${error}`);
    return value;
  }

  /** Waits in the page until the function answers with something true, and returns that. */
  waitFor(body, { timeout = 60_000, args = [] } = {}) {
    return this.evaluate(
      `async (timeout, args) => {
        const check = ${body};
        for (const end = performance.now() + timeout; ;) {
          const value = await check(...args);
          if (value) return value;
          if (performance.now() > end) throw new Error('still waiting after ' + timeout + ' ms for ' + check);
          await new Promise((next) => setTimeout(next, 50));
        }
      }`,
      timeout,
      args,
    );
  }

  /** What the user's choice in the file dialogue does. `host`: the element in whose shadow the input is. */
  async choose(selector, paths, host) {
    await type(this.#remote, await this.#find(selector, host), paths.join('\n'));
  }

  /** As a hand does it: some things a browser only does after that. */
  async click(selector, host) {
    const [id] = Object.values(await this.#find(selector, host));
    await this.#remote.send('ElementClick', { id });
  }

  /** Why a page of this engine may get no files of a drop. */
  get hidesDrops() {
    return ENGINES[this.engine].hidesDrops;
  }

  async chooseFolder(selector, path, host) {
    await ENGINES[this.engine].chooseFolder(this.#remote, await this.#find(selector, host), path);
  }

  #find(selector, host = null) {
    const script = `const [selector, host, done] = arguments;
      done((host ? document.querySelector(host).shadowRoot : document).querySelector(selector));`;
    return this.#remote.send('ExecuteAsyncScript', { script, args: [selector, host] });
  }

  /** Files and folders, somewhere on the page: by the browser's own means, or by a hand on its screen. */
  async drop(paths) {
    const { drop } = ENGINES[this.engine];
    if (drop) return drop(this.#remote, paths);
    await run(PYTHON, [DRAG, '500', '500', ...paths], { env: { DISPLAY: this.#screen.name } });
  }

  async close() {
    if (this.#process?.exitCode === null && this.#process.pid) {
      // A driver takes its browser along; what hangs goes with the group.
      await Promise.race([this.#remote?.send('DeleteSession').catch(() => {}), new Promise((late) => setTimeout(late, 3000))]);
      this.#kill();
      await this.#exited;
    }
    this.#screen?.process.kill();
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  #kill() {
    this.#screen?.process.kill();
    try {
      process.kill(-this.#process.pid, 'SIGKILL');
    } catch {
      // Gone already.
    }
  }
}

/** It chooses a free number and tells it. */
async function newScreen() {
  const process = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1200x900x24', '-nolisten', 'tcp'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const number = await new Promise((resolve, reject) => {
    process.once('error', reject).once('exit', () => reject(new Error('Xvfb ended')));
    process.stdio[3].setEncoding('utf8').once('data', (text) => resolve(text.trim()));
  });
  return { name: `:${number}`, process };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
