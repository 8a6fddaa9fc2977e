// A reverse proxy that stands before a server, so that a scenario decides when a request goes on, and what becomes of it.
// A page that is loaded through it sends all its requests through it.
import http from 'node:http';

export class Gate {
  url;
  #target;
  #server;
  #agent = new http.Agent({ keepAlive: true });
  #open = Promise.resolve();
  #release = () => {};
  /** `(request) => status`, or `{ status, problem }`, or a promise of it: that answer is given in place of the server's; undefined:
   *  the request goes on. */
  answer = () => undefined;
  /** Headers that every answer of the server gets besides its own. */
  headers = {};
  /** API requests that came this far, as `METHOD /path`. */
  seen = [];

  static async before(server) {
    const gate = new Gate();
    gate.target(server);
    gate.#server = http.createServer((request, response) => {
      gate.#pass(request, response).catch((error) => response.destroy(error));
    });
    await new Promise((listening) => gate.#server.listen(0, '127.0.0.1', listening));
    gate.url = `http://127.0.0.1:${gate.#server.address().port}`;
    return gate;
  }

  /** The server is this one from now on. */
  target(server) {
    this.#target = new URL(server.url);
  }

  /** Requests of the API wait here until `release()`; one that is called off meanwhile never goes on. */
  hold() {
    this.#open = new Promise((release) => (this.#release = release));
  }

  release() {
    this.#release();
  }

  close() {
    this.release();
    this.#server.closeAllConnections();
    this.#server.close();
    this.#agent.destroy();
  }

  async #pass(request, response) {
    if (request.url.startsWith('/v1/')) {
      this.seen.push(`${request.method} ${request.url}`);
      await this.#open;
      if (request.destroyed || response.destroyed) return;
      const answer = await this.answer(request);
      if (answer) {
        request.resume();
        const { status, problem } = typeof answer === 'number' ? { status: answer } : answer;
        const type = problem ? 'application/problem+json' : 'text/plain';
        response.writeHead(status, { 'content-type': type }).end(problem ? JSON.stringify(problem) : 'the gate says no');
        return;
      }
    }
    const { hostname, port } = this.#target;
    const { method, url, headers } = request;
    const onward = http.request({ hostname, port, method, path: url, headers, agent: this.#agent }, (answer) => {
      response.writeHead(answer.statusCode, { ...answer.headers, ...this.headers });
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  }
}
