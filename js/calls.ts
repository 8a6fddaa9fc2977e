/** Calls of the API, with the engine's retries and token refresh. */
import type { Connection } from './connection.js';
import { Session } from './session.js';

export class Calls {
  readonly connection: Connection;
  /** Started by the first call, kept for the rest. */
  #session: Promise<Session> | undefined;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** The text of the answer. */
  async call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: string): Promise<string> {
    this.#session ??= Session.calls(this.connection).catch((error: unknown) => {
      this.#session = undefined;
      throw error;
    });
    return (await this.#session).call(method, path, body);
  }

  /** Frees what the calls took; another call would take it again. */
  close(): void {
    void this.#session?.then((session) => session.close(), () => undefined);
    this.#session = undefined;
  }
}
