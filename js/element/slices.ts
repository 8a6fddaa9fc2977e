/** Long work in short slices, between which the page paints. */

/** ms a slice: a frame of 16 ms has room for it beside the upload's own work on the page. */
const SLICE = 4;

/**
 * Runs a generator to its end, a slice at a time; it yields wherever it may be interrupted. Returns a function that calls it off.
 * Other tasks come between two slices, which is why it is a timer: promises would run before the next frame.
 */
export function inSlices<T>(work: Generator<void, T>, done: (result: T) => void): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const slice = () => {
    const end = performance.now() + SLICE;
    let step = work.next();
    while (!step.done && performance.now() < end) step = work.next();
    if (step.done) done(step.value);
    else timer = setTimeout(slice);
  };
  timer = setTimeout(slice);
  return () => clearTimeout(timer);
}

/** How many cheap steps go between two looks at the clock. */
export const STEPS = 512;
