/** ms after which a test has waited long enough. */
const PATIENCE = 20_000;

/** What comes, one by one. */
export class Queue {
  #come = [];
  #waiting;

  push(one) {
    this.#come.push(one);
    this.#waiting?.();
  }

  /** The next, which must come. */
  async next() {
    const one = await this.within(PATIENCE);
    must(one !== undefined, `nothing came in ${PATIENCE} ms`);
    return one;
  }

  /** The next that is such a one; those before it are gone. */
  async until(wanted) {
    for (;;) {
      const one = await this.next();
      if (wanted(one)) return one;
    }
  }

  /** The next, or undefined if there is none for this long. */
  async within(millis) {
    if (this.#come.length === 0) {
      await new Promise((resolve) => {
        this.#waiting = resolve;
        setTimeout(resolve, millis);
      });
    }
    return this.#come.shift();
  }

  /** All that has come. */
  all() {
    return this.#come.splice(0);
  }
}

/** What comes over a port. */
export function inbox(port) {
  const queue = new Queue();
  port.onmessage = ({ data }) => queue.push(data);
  return queue;
}

export function sleep(millis) {
  return new Promise((resolve) => { setTimeout(resolve, millis); });
}

/** Until what is due before it has run; sooner than a timer. */
export function turn() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(port1.close());
    port2.postMessage(0);
  });
}

export function must(condition, what) {
  if (!condition) throw new Error(what);
}

/** Equal as JSON. */
export function same(found, expected, what) {
  const [a, b] = [found, expected].map((value) => JSON.stringify(value));
  must(a === b, `${what}: ${a}, not ${b}`);
}
