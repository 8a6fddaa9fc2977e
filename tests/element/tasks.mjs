// The longest task of a page's main thread by the CPU time it took, from Chromium's own trace: what other programs do to the machine makes
// tasks late, but does not make them cost more.

/** Call it at the start; what it returns gives the longest until then, in ms of CPU. */
export async function tasks(browser) {
  const main = new Set();
  const long = [];
  const thread = ({ pid, tid }) => `${pid}/${tid}`;
  const hear = ({ value }) => {
    for (const event of value) {
      if (event.name === 'thread_name' && event.args.name === 'CrRendererMain') main.add(thread(event));
      // Most of some hundred thousand are short.
      if (event.name === 'ThreadControllerImpl::RunTask' && event.tdur > 1000) long.push(event);
    }
  };
  browser.on('Tracing.dataCollected', hear);
  const traceConfig = { recordMode: 'recordUntilFull', traceBufferSizeInKb: 800_000, includedCategories: ['toplevel', '__metadata'], excludedCategories: ['*'] };
  await browser.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig });
  return async () => {
    const over = new Promise((done) => browser.once('Tracing.tracingComplete', done));
    await browser.send('Tracing.end');
    await over;
    browser.off('Tracing.dataCollected', hear);
    const costs = long.filter((event) => main.has(thread(event))).map(({ tdur }) => tdur / 1000);
    if (costs.length === 0) throw new Error('the trace has no task of a main thread');
    return Math.round(Math.max(...costs));
  };
}
