// The fault proxy (tests/proxy), as a scenario steers it. What a rule may say stands in tests/proxy/src/rules.rs.
import { spawn } from 'node:child_process';
import http from 'node:http';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { TARGET } from '../../scripts/lib/build.mjs';
import { ended } from '../../scripts/lib/run.mjs';

export const PROXY = join(TARGET, 'release/cloudindex-fault-proxy');

export class Proxy {
  /** Its address, without a slash at the end: a page that is loaded from it sends all its requests through it. */
  url;
  #control;
  #process;
  #gone;

  /** `rules`: what breaks; `seed`: what chance is made from; `link`: `{ up, down }` in bytes a second. */
  static async before(server, rules = [], { seed = 1, link = {} } = {}) {
    const proxy = new Proxy();
    const args = ['--target', new URL(server.url).host, '--seed', String(seed), '--setup', JSON.stringify({ link, rules })];
    // It ends when its stdin does, so that nothing outlives a test run that is killed.
    proxy.#process = spawn(PROXY, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    proxy.#gone = ended(proxy.#process);
    const said = new Promise((resolve) => createInterface({ input: proxy.#process.stdout }).once('line', resolve));
    const line = await Promise.race([said, proxy.#gone.then((status) => Promise.reject(new Error(`${PROXY}: ${status}`)))]);
    [, proxy.url, proxy.#control] = /^proxy on (\S+), control on (\S+)$/.exec(line);
    return proxy;
  }

  /** From now on these rules, with their counts at nothing; requests under way keep theirs. */
  rules(rules, link = {}) {
    return this.#ask('PUT', '/rules', JSON.stringify({ link, rules }));
  }

  /** The server is another one from now on. */
  target(server) {
    return this.#ask('PUT', '/target', new URL(server.url).host);
  }

  /** Breaks all connections that there are. */
  sever() {
    return this.#ask('POST', '/sever');
  }

  /** `{ routes: { GLOB: { requests, received, passed } }, total, rules: [{ matched, struck, bytes, passed }] }` */
  stats() {
    return this.#ask('GET', '/stats');
  }

  /** Every request, oldest first: `{ method, path, length, received, passed, status, rules, begun, ended }`. */
  log() {
    return this.#ask('GET', '/log');
  }

  /** Returns when so many bytes of bodies have gone on to the server. */
  passed(bytes) {
    return this.#ask('GET', `/wait?passed=${bytes}`);
  }

  /** Returns when the rule of that number has struck so many requests. */
  struck(rule, times = 1) {
    return this.#ask('GET', `/wait?rule=${rule}&struck=${times}`);
  }

  async close() {
    this.#process.stdin.end();
    this.#process.kill();
    await this.#gone;
  }

  #ask(method, path, body) {
    return new Promise((resolve, reject) => {
      const request = http.request(this.#control + path, { method, agent: false, timeout: 60_000 }, async (response) => {
        let text = '';
        for await (const chunk of response.setEncoding('utf8')) text += chunk;
        const answer = JSON.parse(text);
        if (response.statusCode === 200) resolve(answer);
        else reject(new Error(`the proxy refuses ${method} ${path}: ${answer.error}`));
      });
      request.on('timeout', () => request.destroy(new Error(`the proxy waited a minute in vain: ${method} ${path}`)));
      request.on('error', reject).end(body);
    });
  }
}
