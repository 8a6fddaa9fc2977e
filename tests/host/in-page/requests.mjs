import { Http } from '../../../js/host/http.ts';
import { Queue } from './wait.mjs';

/** The attempt that tests make. */
export const ATTEMPT = 4;

/** Hears how attempts go: `['packed', attempt, bytes]`, `['reply', attempt, status, retryAfter, body]` with the body as text,
 *  `['noReply', attempt, reason, files]`. `answer(report)` may react to each. */
export class Reports extends Queue {
  #answer;

  constructor(answer = () => {}) {
    super();
    this.#answer = answer;
  }

  packed(...report) {
    this.#hear(['packed', ...report]);
  }

  reply(attempt, status, retryAfter, body) {
    this.#hear(['reply', attempt, status, retryAfter ?? null, new TextDecoder().decode(body)]);
  }

  noReply(...report) {
    this.#hear(['noReply', ...report]);
  }

  #hear(report) {
    this.push(report);
    this.#answer(report);
  }
}

/** A request as the engine's hands have put it together, with what is given over the dullest one there is. */
export function request(more) {
  return { method: 'GET', url: 'https://example.test/x', headers: {}, parts: [], files: [], missing: undefined, packed: false, ...more };
}

/** Sends by `fetch`, the browser's if there is none. */
export function send(fetch, more, answer) {
  const reports = new Reports(answer);
  const http = new Http(fetch, reports);
  http.send(ATTEMPT, request(more));
  return { http, reports };
}

/** An application's fetch, and what it was called with. */
export function spy(answer = async () => new Response('')) {
  const calls = [];
  const fetch = (...call) => {
    calls.push(call);
    return answer(...call);
  };
  return { fetch, calls };
}

export function bytes(text) {
  return new TextEncoder().encode(text);
}
