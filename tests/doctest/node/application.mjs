// An application's server, in a process of its own: it runs a document's server-side blocks, as they stand.
import { fork } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT, ended } from '../../../scripts/lib/run.mjs';
import { Late } from './late.mjs';

const CHILD = new URL('./child.mjs', import.meta.url);

export class Application {
  /** Calls of the application's own functions, oldest first: `{ name, values }`. */
  calls = [];
  #child;
  #gone;
  #modules;
  #asked = Promise.resolve();
  #late = new Late();

  /** `secret`: what webhooks are signed with, which the application finds in its environment. */
  static async start(secret) {
    const application = new Application();
    // Inside the repository, where the blocks' own imports find node_modules.
    await mkdir(join(ROOT, 'target'), { recursive: true });
    application.#modules = await mkdtemp(join(ROOT, 'target/doctest-'));
    const env = { ...process.env, PORT: '0', CLOUDINDEX_WEBHOOK_SECRET: secret };
    const child = application.#child = fork(CHILD, { cwd: ROOT, env, execArgv: [] });
    application.#gone = ended(child);
    child.on('message', ({ called }) => {
      if (!called) return;
      application.calls.push(called);
      application.#late.changed();
    });
    return application;
  }

  /** Runs a module; `foreign` are the names that the application has for it. Returns `{ address, routes }`: where the application
   *  is served, and what the module added to it, as `METHOD /path`. */
  async run(name, text, foreign) {
    const path = join(this.#modules, `${name}.mjs`);
    await writeFile(path, text);
    return this.#ask({ run: path, foreign });
  }

  /** Returns once all is told that was called until now. */
  async settled() {
    await this.#ask({ settle: true });
  }

  /** Until its functions were called so. */
  until(what, check) {
    return this.#late.until(what, () => check(this.calls), () => this.calls);
  }

  async stop() {
    this.#child.kill();
    await this.#gone;
    await rm(this.#modules, { recursive: true, force: true });
  }

  /** One question at a time. */
  #ask(question) {
    return this.#asked = this.#asked.catch(() => {}).then(async () => {
      const { failed, ...answer } = await Promise.race([this.#answerTo(question), this.#gone.then((status) => ({ failed: `the application ended (${status})` }))]);
      if (failed) throw new Error(failed);
      return answer;
    });
  }

  #answerTo(question) {
    return new Promise((resolve) => {
      const hear = ({ answer }) => {
        if (!answer) return;
        this.#child.off('message', hear);
        resolve(answer);
      };
      this.#child.on('message', hear);
      this.#child.send(question, () => {}); // it ended: `gone` tells
    });
  }
}
