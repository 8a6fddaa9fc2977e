// The longest tasks of a page's main thread by the CPU time they took, from Chromium's own trace: what other programs do to the machine makes
// tasks late, but does not make them cost more.

/** Call it at the start; what it returns gives the longest until then, in ms of CPU, of each stretch that begins with a `performance.mark` of
 *  the page: `[name, ms]`, in their order. Names may come more than once. */
export async function tasks(browser) {
  const main = new Set();
  const long = [];
  const marks = [];
  const thread = ({ pid, tid }) => `${pid}/${tid}`;
  const hear = ({ value }) => {
    for (const event of value) {
      if (event.name === 'thread_name' && event.args.name === 'CrRendererMain') main.add(thread(event));
      if (event.cat === 'blink.user_timing') marks.push(event);
      // Most of some hundred thousand are short.
      if (event.name === 'ThreadControllerImpl::RunTask' && event.tdur > 1000) long.push(event);
    }
  };
  browser.on('Tracing.dataCollected', hear);
  const traceConfig = { recordMode: 'recordUntilFull', traceBufferSizeInKb: 400_000, includedCategories: ['toplevel', '__metadata', 'blink.user_timing'], excludedCategories: ['*'] };
  await browser.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig });
  return async () => {
    const over = new Promise((done) => browser.once('Tracing.tracingComplete', done));
    await browser.send('Tracing.end');
    await over;
    browser.off('Tracing.dataCollected', hear);
    const mine = marks.filter((mark) => main.has(thread(mark)) && /^[IRn]$/i.test(mark.ph)).sort((a, b) => a.ts - b.ts);
    if (mine.length === 0 || long.length === 0) throw new Error('the trace has no task of a main thread');
    const pages = new Set(mine.map(thread));
    return mine.map(({ name, ts }, i) => {
      // Of what began before the mark and went on after it, most is the next one's.
      const costs = long.filter((task) => pages.has(thread(task)) && task.ts + task.dur > ts && task.ts + task.dur <= (mine[i + 1]?.ts ?? Infinity)).map(({ tdur }) => tdur / 1000);
      return [name, Math.round(Math.max(0, ...costs))];
    });
  };
}
