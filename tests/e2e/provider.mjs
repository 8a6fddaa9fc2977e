// An embedding provider that does as a scenario says: so it decides how far a server comes with its documents, and what of them fails.
import { createServer } from 'node:http';

export class Provider {
  /** `(text) => status`, or a promise of it: that is answered; undefined: the text gets its vector. */
  answer = () => undefined;
  #server;

  static async start() {
    const provider = new Provider();
    provider.#server = createServer((request, response) => {
      provider.#give(request, response).catch((error) => response.destroy(error));
    });
    await new Promise((listening) => provider.#server.listen(0, '127.0.0.1', listening));
    return provider;
  }

  /** For a server that asks this provider, and one document at a time. */
  get flags() {
    return ['--embeddings-url', `http://127.0.0.1:${this.#server.address().port}/`, '--embeddings-model', 'any', '--embeddings-width', '8', '--retry-wait', '1', '--workers', '1'];
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #give(request, response) {
    let body = '';
    for await (const piece of request.setEncoding('utf8')) body += piece;
    const texts = [JSON.parse(body).input].flat();
    const status = await this.answer(texts.join('\n'));
    if (status) return response.writeHead(status).end();
    const data = texts.map((text, index) => ({ index, embedding: Array.from({ length: 8 }, (_, i) => ((text.length * (i + 3)) % 11) - 5) }));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data }));
  }
}
