/** How the server is reached: address, key or token, fetch; shared by everything a client starts. */
import { UploadError, invalid, said } from './errors.js';
import type { ClientOptions } from './types.js';

const KNOWN = new Set(['apiKey', 'baseUrl', 'getToken', 'fetch', 'worker', 'wasmUrl', 'workerUrl']);

export class Connection {
  readonly #options: ClientOptions;
  /** The newest token that `getToken` gave. */
  #token: string | undefined;
  /** The call of `getToken` under way: there is never a second. */
  #asking: Promise<string> | undefined;

  constructor(options: ClientOptions) {
    for (const word of Object.keys(options)) {
      if (!KNOWN.has(word)) {
        throw invalid('invalid_option', `CloudIndex does not know the option "${word}"; it takes ${[...KNOWN].join(', ')}.`);
      }
    }
    mustBe(options, 'apiKey', 'string');
    mustBe(options, 'baseUrl', 'string');
    mustBe(options, 'getToken', 'function');
    mustBe(options, 'fetch', 'function');
    mustBe(options, 'worker', 'boolean');
    const { workerUrl } = options;
    if (workerUrl !== undefined && typeof workerUrl !== 'string' && typeof workerUrl !== 'function' && !(workerUrl instanceof URL)) {
      throw invalid('invalid_option', 'The option "workerUrl" must be an address, or a function that starts a module worker.');
    }
    this.#options = { ...options };
  }

  get fetch() {
    return this.#options.fetch;
  }

  /** A function can't cross to a worker: an own `fetch` keeps the engine on the page. */
  get worker() {
    return this.#options.worker !== false && this.#options.fetch === undefined;
  }

  get wasmUrl() {
    return this.#options.wasmUrl;
  }

  get workerUrl() {
    return this.#options.workerUrl;
  }

  /** The server's address, not the page's. */
  get baseUrl() {
    return absolute(this.#options.baseUrl ?? '');
  }

  /** The engine's words for this connection. */
  async words(): Promise<Record<string, unknown>> {
    const { apiKey, getToken } = this.#options;
    return {
      baseUrl: this.baseUrl,
      apiKey: getToken ? (this.#token ?? await this.refresh()) : apiKey,
      refresh: getToken ? true : undefined,
    };
  }

  /** A new token. All that ask while one is being fetched get that one. */
  refresh(): Promise<string> {
    this.#asking ??= this.#ask().finally(() => { this.#asking = undefined; });
    return this.#asking;
  }

  async #ask(): Promise<string> {
    let token: unknown;
    try {
      token = await this.#options.getToken?.();
    } catch (cause) {
      throw new UploadError({
        type: 'system', code: 'unauthorized', retryable: false,
        message: `getToken failed: ${said(cause)}`,
      }, { cause });
    }
    if (typeof token !== 'string' || token === '') {
      throw invalid('unauthorized', 'getToken must give a token: a string that is not empty.');
    }
    this.#token = token;
    return token;
  }
}

/** A worker's own address may be another one than the page's, so what is relative is resolved here. */
function absolute(baseUrl: string): string {
  const page = globalThis.location;
  if (!page || page.origin === 'null') return baseUrl;
  if (baseUrl === '') return page.origin;
  try {
    return new URL(baseUrl, page.href).href.replace(/\/+$/, '');
  } catch {
    return baseUrl; // The engine refuses it by name.
  }
}

function mustBe(options: ClientOptions, word: keyof ClientOptions, type: 'string' | 'function' | 'boolean') {
  const value = options[word];
  if (value !== undefined && typeof value !== type) {
    throw invalid('invalid_option', `The option "${word}" must be a ${type}, not ${value === null ? 'null' : `a ${typeof value}`}.`);
  }
}
