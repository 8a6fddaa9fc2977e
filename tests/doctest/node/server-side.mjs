// Server-side blocks of a document: they run in an application's process, and what they add to it is used.
import { Application } from './application.mjs';
import { exerciseWebhooks } from './webhooks.mjs';

export class ServerSide {
  #world;
  #secret;
  #application;

  constructor(world) {
    this.#world = world;
  }

  /** Notes on what was checked; throws for what did not hold. */
  async run({ code, name, text, foreign, exercised }) {
    if (!this.#application) {
      ({ secret: this.#secret } = await this.#world.server.json('/v1/webhooks/secret'));
      this.#application = await Application.start(this.#secret);
    }
    const application = this.#application;
    const { address, routes } = await application.run(name, text, foreign);
    if (!exercised) return [];
    const notes = [];
    for (const route of routes) {
      const [method, path] = route.split(' ');
      if (method !== 'POST' || !path.includes('webhook')) throw new Error(`The doctest knows nothing to ask of ${route} (POST to a path with "webhook" in it)`);
      application.calls.length = 0;
      const note = await exerciseWebhooks({ world: this.#world, application, address, path, code, secret: this.#secret });
      notes.push(`${route}: ${note}`);
    }
    // What was thrown and caught by nobody ends the block.
    await application.settled();
    return notes;
  }

  async stop() {
    await this.#application?.stop();
  }
}
