/** Calls of the API, with the engine's retries and token refresh. */
import type { Connection } from './connection.js';
import { UploadError } from './errors.js';
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

  /** The answer, which must be JSON. */
  async json<T>(method: 'GET' | 'POST', path: string, body?: string): Promise<T> {
    const text = await this.call(method, path, body);
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw new UploadError({ type: 'system', code: 'invalid_reply', message: `The answer to ${path} is no JSON: check baseUrl`, retryable: true }, { cause });
    }
  }
}
