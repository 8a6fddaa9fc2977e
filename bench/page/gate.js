// Runs in the page before the contender does. `window.bench` tells when files were given, and when they were done.

const bench = (window.bench = { blocking: 0 });
const now = () => performance.timeOrigin + performance.now();

function begin() {
  bench.started = now();
  // Told at once: a page that stands still from here on could not be asked.
  window.benchStarted(String(bench.started));
}

function watchOn() {
  window.startWatching(); // tests/e2e/probe.mjs
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) bench.blocking += duration - 50;
  }).observe({ type: 'longtask' });
}

// In the task that makes the File objects, before the contender hears of them. The contender begins in a task of its own, so
// that the driver's work (a task of seconds for 100,000 files) is no one's gap.
addEventListener('change', (event) => {
  if (!event.isTrusted) return;
  event.stopImmediatePropagation();
  begin();
  setTimeout(() => {
    watchOn();
    event.target.dispatchEvent(new Event('change', { bubbles: true }));
  });
}, true);

// What a drop offers must be taken in its event.
addEventListener('drop', () => {
  begin();
  watchOn();
}, true);

/** Called with how many files arrived, as far as the contender knows, or with what it threw. */
bench.end = (arrived, error) => {
  const ended = now();
  // Twice: the task that ends now may be a long one, and is told after it.
  setTimeout(() => setTimeout(() => {
    window.liveness = { ...window.liveness }; // what comes from here on is not the upload's
    bench.done = { seconds: (ended - bench.started) / 1000, blockingMs: Math.round(bench.blocking), arrived, error };
  }));
};
