// Stands between the server and an application: keeps every webhook as it came, byte for byte, and may answer in its place.
import http from 'node:http';
import { Late } from './late.mjs';

export class Receiver {
  /** Its address, without a slash at the end. */
  url;
  /** Every request, oldest first: `{ id, headers, body, event, status }`; `status` is what was answered. */
  came = [];
  /** `(number of the request, from 0) => status`; undefined: the application answers. */
  answer = () => undefined;
  #target;
  #server;
  #late = new Late();

  static async before(address) {
    const receiver = new Receiver();
    receiver.#target = address;
    receiver.#server = http.createServer((request, response) => {
      receiver.#take(request, response).catch((error) => response.destroy(error));
    });
    await new Promise((listening) => receiver.#server.listen(0, '127.0.0.1', listening));
    receiver.url = `http://127.0.0.1:${receiver.#server.address().port}`;
    return receiver;
  }

  /** Until so much has come and been answered. */
  until(what, check) {
    return this.#late.until(what, () => check(this.came), () => this.came.map(({ event, status }) => `${event.status} ${event.completedFiles}/${event.totalFiles} answered ${status}`));
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #take(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const { method, url, headers } = request;
    const number = this.came.length;
    const row = { id: headers['webhook-id'], headers, body, event: JSON.parse(body) };
    this.came.push(row);
    const status = this.answer(number) ?? await post(this.#target + url, { method, headers, body });
    row.status = status;
    response.writeHead(status).end();
    this.#late.changed();
  }
}

/** Sends a request on as it came, and returns the status of its answer. */
export function post(address, { method = 'POST', headers, body }) {
  return new Promise((resolve, reject) => {
    const request = http.request(address, { method, headers, agent: false }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    request.on('error', reject).end(body);
  });
}
