// Is the page alive while it works? Measured from inside, before anything is dropped.

/** Starts to measure: the longest time that the page ran nothing of ours, the longest between two frames, the longest task. */
export function watch(page) {
  return page.evaluate(() => {
    const found = { gap: 0, frameGap: 0, task: 0 };
    window.liveness = found;
    const ticker = (key, next) => {
      let last = performance.now();
      const tick = () => {
        const now = performance.now();
        found[key] = Math.max(found[key], now - last);
        last = now;
        next(tick);
      };
      next(tick);
    };
    ticker('gap', (tick) => setTimeout(tick, 4));
    ticker('frameGap', requestAnimationFrame);
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) found.task = Math.max(found.task, duration);
    }).observe({ type: 'longtask' });
  });
}

/** What was found until now, in whole milliseconds. `longestTask` is 0 when none took the 50 ms that make one long. */
export async function liveness(page) {
  const { gap, frameGap, task } = await page.evaluate(() => window.liveness);
  return { longestGapMs: Math.round(gap), longestFrameGapMs: Math.round(frameGap), longestTaskMs: Math.round(task) };
}

/** Starts to count requests to the API, wherever they come from: the page or its workers, which are not started yet. */
export async function countRequests(page) {
  const count = () => {
    globalThis.apiRequests = 0;
    new PerformanceObserver((list) => {
      for (const { name } of list.getEntries()) if (new URL(name).pathname.startsWith('/v1/')) globalThis.apiRequests += 1;
    }).observe({ type: 'resource', buffered: true });
  };
  await page.evaluate(count);
  await page.inNewWorkers(count);
}

/** How many were answered or failed until now. */
export async function requests(page) {
  const count = () => globalThis.apiRequests;
  const counts = [await page.evaluate(count), ...(await page.evaluateInWorkers(count))];
  return counts.reduce((sum, one) => sum + one, 0);
}
