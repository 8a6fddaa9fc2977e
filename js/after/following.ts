/** How a batch is followed: what became of one try decides on the next. It knows no clock and no network. */
import type { UploadError } from '../errors.js';

/** Streams in a row that brought nothing, after which only questions are asked. */
const ENOUGH = 3;
/** ms for which nothing need be heard of a batch that was heard of before: as long as an upload waits for its link. */
const PATIENCE = 600_000;

/** What became of a stream or a question. */
export type Outcome =
  /** The batch has ended, and its last status was given. */
  | { t: 'ended' }
  /** The stream told something, then broke; the server wants so many ms before the next. */
  | { t: 'broke'; retry: number }
  /** No stream came, or it told nothing. */
  | { t: 'failed' }
  /** Something answers that is no stream of events, and will be no other next time. */
  | { t: 'useless' }
  /** The token is not accepted, and another may be had. */
  | { t: 'unauthorized' }
  /** The question was answered. */
  | { t: 'answered' }
  /** It was not, for all the engine's tries. */
  | { t: 'unanswered'; error: UploadError };

/** What to do next, after so many ms. */
export type Step =
  | { t: 'stream'; wait: number; token: 'known' | 'new' }
  | { t: 'ask'; wait: number }
  | { t: 'end' }
  | { t: 'fail'; error: UploadError };

export class Following {
  readonly #statusInterval: number;
  /** 0 to 1. */
  readonly #random: () => number;
  /** Streams in a row that brought nothing. */
  #failures = 0;
  /** A token that was refused is renewed once. */
  #token: 'known' | 'new' = 'known';
  /** When the batch was last heard of. */
  #heard: number | undefined;

  constructor(statusInterval: number, random: () => number) {
    this.#statusInterval = statusInterval;
    this.#random = random;
  }

  start(): Step {
    return { t: 'stream', wait: 0, token: 'known' };
  }

  /** `now`: ms, of any clock. A question judges what a stream can't: the engine asks, which tries again, and knows each error. */
  next(outcome: Outcome, now: number): Step {
    switch (outcome.t) {
      case 'ended':
        return { t: 'end' };
      case 'broke':
        this.#heard = now;
        this.#failures = 0;
        this.#token = 'known';
        // Half of it by chance: a server that starts again is not met by all at once.
        return { t: 'stream', wait: outcome.retry * (1 - this.#random() / 2), token: 'known' };
      case 'unauthorized':
        if (this.#token === 'new') return this.#failed(1);
        this.#token = 'new';
        return { t: 'stream', wait: 0, token: 'new' };
      case 'failed':
        return this.#failed(1);
      case 'useless':
        return this.#failed(ENOUGH);
      case 'answered':
        this.#heard = now;
        return this.#failures < ENOUGH ? { t: 'stream', wait: this.#statusInterval, token: 'known' } : this.#ask();
      case 'unanswered':
        // Who was never heard of is given up at once: it may be a wrong address.
        if (!outcome.error.retryable || this.#heard === undefined || now - this.#heard >= PATIENCE) return { t: 'fail', error: outcome.error };
        return this.#ask();
    }
  }

  #failed(times: number): Step {
    this.#failures += times;
    return { t: 'ask', wait: 0 };
  }

  #ask(): Step {
    return { t: 'ask', wait: this.#statusInterval };
  }
}
