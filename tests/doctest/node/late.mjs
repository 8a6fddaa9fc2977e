// Waiting for what others do, without polling, and not for ever.
const AT_MOST = 30_000;

export class Late {
  #waits = new Set();

  /** Something is other than it was. */
  changed() {
    for (const look of this.#waits) look();
  }

  /** Until `check()` says something true, which it returns. `state()` is told where it never does. */
  until(what, check, state) {
    return new Promise((resolve, reject) => {
      const look = () => {
        const value = check();
        if (value) end(() => resolve(value));
      };
      const end = (how) => {
        clearTimeout(timer);
        this.#waits.delete(look);
        how();
      };
      const timer = setTimeout(() => end(() => reject(new Error(`${what}: not after ${AT_MOST / 1000} s; there is ${JSON.stringify(state())}`))), AT_MOST);
      this.#waits.add(look);
      look();
    });
  }
}
