// The Chrome DevTools Protocol over a pipe: no port, no WebSocket, no library. Only the domains that are asked for are
// switched on; with the Network domain on (as browser libraries have it) small requests cost a quarter more CPU.
import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--no-default-browser-check',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps',
  '--mute-audio', '--hide-scrollbars', '--window-size=1000,800', '--remote-debugging-pipe', '--enable-precise-memory-info',
];

export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** A running Chromium with a profile of its own. `on(method, (params, sessionId) => …)` hears its events. */
export class Chromium extends EventEmitter {
  #process;
  #profile;
  #pending = new Map();
  #nextId = 1;
  #rest = '';
  #exited;

  /** `user`: the number of another user to run as, for files that must not be readable (root reads everything).
   *  `profile`: a folder that outlives this browser; without one it has a fresh one. */
  static async launch({ flags = [], user, profile: given } = {}) {
    const browser = new Chromium();
    const profile = given ?? await mkdtemp(join(tmpdir(), 'cloudindex-profile-'));
    if (user) await chown(profile, user, user);
    browser.#profile = given ? undefined : profile;
    browser.#process = spawn(CHROMIUM, [...FLAGS, ...flags, `--user-data-dir=${profile}`, 'about:blank'], {
      env: { ...process.env, HOME: profile },
      stdio: ['ignore', 'ignore', process.env.CHROMIUM_LOG ? 'inherit' : 'ignore', 'pipe', 'pipe'],
      detached: true, // a group of its own, so that kill() meets all its processes
      ...(user && { uid: user, gid: user }),
    });
    browser.#exited = new Promise((resolve) => {
      browser.#process.once('exit', resolve);
      browser.#process.once('error', resolve);
    }).then((reason) => browser.#end(reason));
    const [, , , input, output] = browser.#process.stdio;
    input.on('error', () => {}); // it went away: `exit` tells
    output.setEncoding('utf8').on('data', (text) => browser.#hear(text));
    browser.setMaxListeners(0);
    await browser.send('Browser.getVersion');
    return browser;
  }

  get pid() {
    return this.#process.pid;
  }

  send(method, params = {}, sessionId = undefined) {
    if (!this.#pending) return Promise.reject(new Error(`${method}: Chromium has ended`));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { method, resolve, reject });
      this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  async close() {
    await this.send('Browser.close').catch(() => {});
    // A renderer that hangs must not hang the tests.
    const late = setTimeout(() => this.#process.kill('SIGKILL'), 5000);
    await this.#exited;
    clearTimeout(late);
    await this.#clear();
  }

  /** Ends it as a power cut does: every process of it at once, with no time to write anything. */
  async kill() {
    process.kill(-this.pid, 'SIGKILL');
    await this.#exited;
    await this.#clear();
  }

  async #clear() {
    if (this.#profile) await rm(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  #hear(text) {
    const messages = (this.#rest + text).split('\0');
    this.#rest = messages.pop();
    for (const message of messages) {
      const { id, method, params, sessionId, result, error } = JSON.parse(message);
      if (id === undefined) {
        this.emit(method, params, sessionId);
        continue;
      }
      const call = this.#pending.get(id);
      this.#pending.delete(id);
      if (error) call.reject(new Error(`${call.method}: ${error.message}${error.data ? ` (${error.data})` : ''}`));
      else call.resolve(result);
    }
  }

  #end(reason) {
    const why = reason instanceof Error ? `${CHROMIUM}: ${reason.message}` : `Chromium ended (${reason})`;
    for (const { method, reject } of this.#pending.values()) reject(new Error(`${method}: ${why}`));
    this.#pending = undefined;
  }
}
