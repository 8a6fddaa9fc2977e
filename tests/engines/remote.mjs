// The commands of WebDriver over the two ways in which browsers speak them: HTTP, by a driver; and Marionette, which is
// what Firefox's driver speaks to Firefox (the driver itself is in no Debian package, and needless), and what webkit.py speaks.
import http from 'node:http';
import net from 'node:net';

/** Method and path of each command that is used here; `id` is an element's. */
const OVER_HTTP = {
  Navigate: ['POST', () => 'url'],
  Refresh: ['POST', () => 'refresh'],
  SetTimeouts: ['POST', () => 'timeouts'],
  ExecuteAsyncScript: ['POST', () => 'execute/async'],
  ElementSendKeys: ['POST', ({ id }) => `element/${id}/value`],
  ElementClick: ['POST', ({ id }) => `element/${id}/click`],
  DeleteSession: ['DELETE', () => ''],
  // Chromium's own: the DevTools protocol.
  Devtools: ['POST', () => 'goog/cdp/execute'],
};

/** Tries until it does not throw, for ten seconds. */
export async function patiently(attempt) {
  for (let left = 100; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0) throw error;
    }
    await new Promise((wait) => setTimeout(wait, 100));
  }
}

export class Http {
  #port;
  #session;

  constructor(port) {
    this.#port = port;
  }

  /** What the browser says that it is. The driver may still be starting: it is asked until it answers. */
  async begin(wanted) {
    await patiently(async () => {
      const { ready } = await this.#request('GET', '/status');
      if (!ready) throw new Error('the driver is not ready');
    });
    const { sessionId, capabilities } = await this.#request('POST', '/session', { capabilities: { alwaysMatch: wanted } });
    this.#session = sessionId;
    return capabilities;
  }

  send(command, params = {}) {
    const [method, path] = OVER_HTTP[command];
    return this.#request(method, `/session/${this.#session}/${path(params)}`.replace(/\/$/, ''), method === 'POST' ? params : undefined);
  }

  /** No `fetch`: it gives up after five minutes, and a scenario may wait longer. */
  #request(method, path, body) {
    const text = body && JSON.stringify(body);
    const headers = text ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } : {};
    return new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port: this.#port, method, path, headers }, async (response) => {
        try {
          let answer = '';
          for await (const chunk of response.setEncoding('utf8')) answer += chunk;
          const { value } = JSON.parse(answer);
          if (value?.error) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
          resolve(value);
        } catch (error) {
          reject(error);
        }
      });
      request.on('error', reject).end(text);
    });
  }
}

/** Messages are `length:JSON`; a command is `[0, id, name, params]`, its answer `[1, id, error, result]`. */
export class Marionette {
  #socket;
  #asked = new Map();
  #last = 0;
  #rest = Buffer.alloc(0);

  constructor(port) {
    this.#socket = net.connect(port, '127.0.0.1');
    this.#socket.on('data', (more) => this.#hear(more));
    this.#socket.on('error', (error) => this.#end(error)).on('close', () => this.#end(new Error('the browser has ended')));
  }

  async begin(wanted) {
    const { capabilities } = await this.#ask('WebDriver:NewSession', wanted);
    return capabilities;
  }

  async send(command, params = {}) {
    return (await this.#ask(`WebDriver:${command}`, params))?.value;
  }

  /** Runs a script where the browser itself runs, not the page. */
  async inBrowser(script, ...args) {
    await this.#ask('Marionette:SetContext', { value: 'chrome' });
    try {
      await this.send('ExecuteScript', { script, args });
    } finally {
      await this.#ask('Marionette:SetContext', { value: 'content' });
    }
  }

  #ask(name, params) {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { name, resolve, reject });
      const text = JSON.stringify([0, id, name, params]);
      this.#socket.write(`${Buffer.byteLength(text)}:${text}`);
    });
  }

  #hear(more) {
    this.#rest = Buffer.concat([this.#rest, more]);
    for (;;) {
      const colon = this.#rest.indexOf(':');
      const end = colon + 1 + Number(this.#rest.subarray(0, colon));
      if (colon < 0 || this.#rest.length < end) return;
      const message = JSON.parse(this.#rest.subarray(colon + 1, end));
      this.#rest = this.#rest.subarray(end);
      if (!Array.isArray(message)) continue; // its greeting
      const [, id, error, result] = message;
      const { name, resolve, reject } = this.#asked.get(id);
      this.#asked.delete(id);
      if (error) reject(new Error(`${name}: ${error.error}: ${error.message}`));
      else resolve(result);
    }
  }

  #end(error) {
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
  }
}
