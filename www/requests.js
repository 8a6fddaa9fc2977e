// How many requests an upload makes, wherever they leave from: the uploader itself tells bytes and files, but not requests.
// The page sees its own (without a worker, the engine runs here); workers tell theirs.
import { isUpload } from './counted.js';

export class Requests {
  /** Since `restart()`; answered or failed. */
  number = 0;
  /** Which upload: what a worker of an earlier one still tells is not counted. */
  #round = 0;
  #channel = `cloudindex-page ${Math.random()}`;

  /** `changed` is called when there were more. */
  constructor(changed) {
    const count = (number) => {
      this.number += number;
      changed();
    };
    new BroadcastChannel(this.#channel).onmessage = ({ data: { round, number } }) => {
      if (round === this.#round) count(number);
    };
    new PerformanceObserver((list) => {
      const number = list.getEntries().filter(({ name }) => isUpload(name)).length;
      if (number > 0) count(number);
    }).observe({ type: 'resource' });
  }

  restart() {
    this.number = 0;
    this.#round += 1;
  }

  /** The option `workerUrl`: a worker that counts. */
  worker = () => {
    const name = JSON.stringify({ channel: this.#channel, round: this.#round });
    return new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name });
  };
}
