// npm run rows [-- FILES]: a hundred thousand files are added to the page and uploaded to the real server; meanwhile the list is filtered,
// sorted, searched and scrolled, three times over. Prints the longest frame of each as JSON, and fails where the median of one of these is 50 ms or more. A
// frame is the time between two animation frames: what a person sees stand still, whatever is the cause. It is late also when nothing held the
// page and the machine had other things to do; so what the longest task of the page's thread cost in CPU is told beside it. No task may cost
// 50 ms in any round; frames are judged only where other programs left the machine alone, which is told too.
import { join } from 'node:path';
import { ROOT } from '../../scripts/lib/run.mjs';
import { tree } from '../e2e/harness.mjs';
import { UPLOAD_ALONE } from '../e2e/server.mjs';
import { open, picture, ready } from './harness.mjs';
import { others } from './load.mjs';
import { tasks } from './tasks.mjs';

const FILES = Number(process.argv[2] ?? 100_000);
const LIMIT = 50;
/** Percent of the machine that others may have where frames are judged. */
const QUIET = 10;
/** The median counts: what else runs on the machine makes a frame late now and then. */
const ROUNDS = 3;

const ends = [];
const t = { after: (end) => ends.unshift(end), diagnostic: (line) => console.error(line) };
try {
  const search = '?thumbnails';
  const { page, browser, gate } = await open(t, { search, flags: UPLOAD_ALONE });
  const folder = await tree(t, 'archive', Object.fromEntries(Array.from({ length: FILES }, (_, i) => [pathOf(i, FILES), `document ${i}`])));
  console.error(`${FILES} files; pictures go to ${join(ROOT, 'target/screenshots')}`);

  // So that the upload outlasts what is measured: a server that takes its time.
  gate.answer = () => new Promise((goOn) => { setTimeout(goOn, 150); });

  const measured = [];
  /** Does something in the page and looks at the frames until the list says that it is done, and a second more. */
  const measure = async (name, work) => {
    const result = await page.evaluate(`async () => measure(${JSON.stringify(name)}, ${work})`);
    console.error(JSON.stringify(result));
    measured.push(result);
  };

  const load = await others();
  const cost = [];
  /** Traces what is measured in `work`; a piece at a time, for Chromium chokes on what minutes fill. */
  const traced = async (work) => {
    const longestTasks = await tasks(browser);
    await work();
    cost.push(...await longestTasks());
  };
  const comeIn = async (name, add) => {
    await page.goto(`${gate.url}/${search}`);
    await ready(page);
    await page.evaluate(`(files) => { (${prepare})(${pathOf}, files); }`, FILES);
    const all = `async () => { const element = document.querySelector('cloudindex-uploader'); while (!(element.uploader?.length >= ${FILES})) await rest(100); }`;
    await traced(() => Promise.all([measure(name, all), add()]));
  };
  await comeIn('a dropped folder comes in', () => page.drop('cloudindex-uploader', [folder]));
  for (let round = 1; round <= ROUNDS; round++) await comeIn('files come in', () => page.evaluate(() => { addAll(); }));
  await page.evaluate(() => document.querySelector('cloudindex-uploader').shadowRoot.querySelector('[data-command=resume]').click());
  const sortBy = (key) => `async (root) => { root.querySelector('[data-sort=${key}]').click(); await settled(); }`;
  const show = (filter) => `async (root) => { root.querySelector('[value=${filter}]').click(); await settled(); }`;
  const oneRound = async (round) => {
    await measure('the upload alone', '() => rest(1000)');
    if (round === 1) await picture(page, 'rows-busy');
    await measure('sort by name', sortBy('name'));
    await measure('sort by name, descending', sortBy('name'));
    await measure('search, letter by letter', `async (root) => {
      const field = root.querySelector('[type=search]');
      for (const text of ['f', 'fo', 'fol', 'fold', 'folder 42/9']) {
        field.value = text;
        field.dispatchEvent(new Event('input'));
        await rest(80);
      }
      await settled();
    }`);
    if (round === 1) await picture(page, 'rows-search');
    await measure('search ended', `async (root) => { const field = root.querySelector('[type=search]'); field.value = ''; field.dispatchEvent(new Event('input')); await settled(); }`);
    await measure('sort by size', sortBy('size'));
    await measure('sort by state', sortBy('state'));
    for (const filter of ['done', 'failed', 'all', 'waiting']) await measure(`filter ${filter}`, show(filter));
    await measure('the list follows, sorted and filtered', '() => rest(1000)');
    await measure('scroll all of it', `async (root) => {
      const grid = root.querySelector('.grid');
      for (let i = 0; i <= 60; i++) {
        grid.scrollTop = (grid.scrollHeight * i) / 60;
        await new Promise(requestAnimationFrame);
      }
    }`);
    await measure('all again', `async (root) => { root.querySelector('[value=all]').click(); for (let i = 0; i < 2; i++) { root.querySelector('[data-sort=state]').click(); await settled(); } }`);
  };
  for (let round = 1; round <= ROUNDS; round++) await traced(() => oneRound(round));
  const othersPercent = await load();
  // A measure that finds nothing would find nothing wrong.
  await traced(() => measure('held for 300 ms, on purpose', '() => { const end = performance.now() + 300; while (performance.now() < end); return rest(100); }'));
  if (measured.pop().longestFrameMs < 300 || cost.pop()[1] < 30) throw new Error('what holds the page is not measured'); // Of the CPU a busy machine gives less.
  const idle = measured.filter(({ name, phase }) => !name.endsWith('come in') && !name.endsWith('comes in') && phase !== 'running');
  const steps = [...new Set(measured.map(({ name }) => name))].map((name) => {
    const longest = measured.filter((one) => one.name === name).map(({ longestFrameMs }) => longestFrameMs);
    const costs = cost.filter(([of]) => of === name).map(([, ms]) => ms);
    return { name, longestFrameMs: longest.toSorted((a, b) => a - b)[Math.floor(longest.length / 2)], ofEachRound: longest, longestTaskCpuMs: costs };
  });
  const late = steps.filter(({ longestFrameMs }) => longestFrameMs >= LIMIT);
  const dear = steps.filter(({ longestTaskCpuMs }) => Math.max(...longestTaskCpuMs) >= LIMIT);
  console.log(JSON.stringify({
    files: FILES, othersPercent, longestFrameMs: Math.max(...steps.map(({ longestFrameMs }) => longestFrameMs)),
    longestTaskCpuMs: Math.max(...steps.flatMap(({ longestTaskCpuMs }) => longestTaskCpuMs)), steps,
  }, undefined, 1));
  if (idle.length > 0) console.error(`the upload was over too early for: ${idle.map(({ name }) => name).join(', ')}`);
  const quiet = othersPercent < QUIET;
  if (late.length > 0) console.error(`frames of ${LIMIT} ms or more: ${late.map(({ name, longestFrameMs }) => `${name} ${longestFrameMs}`).join(', ')}`);
  if (!quiet) console.error(`frames are not judged: other programs had ${othersPercent} % of the machine`);
  if (dear.length > 0) console.error(`tasks that cost ${LIMIT} ms or more: ${dear.map(({ name, longestTaskCpuMs }) => `${name} ${longestTaskCpuMs}`).join(', ')}`);
  // While files come in, part of a frame is the browser's own work for them: there the CPU of our tasks is judged, and frames are told.
  const ours = late.filter(({ name }) => !/comes? in$/.test(name));
  if (idle.length + dear.length > 0 || (quiet && ours.length > 0)) process.exitCode = 1;
} finally {
  for (const end of ends) await end();
}

/** Names in another order than the files are found. */
function pathOf(i, files) {
  return `folder ${i % 97}/${(i * 7919) % files} report.txt`;
}

/** In the page: the options of the upload, its files, and the clock. */
function prepare(pathOf, files) {
  const element = document.querySelector('cloudindex-uploader');
  const root = element.shadowRoot;
  const frames = { longest: 0, last: performance.now(), count: 0, slow: 0 };
  const frame = () => {
    const now = performance.now(); // Not the frame's own time: that hides how late it came.
    const took = now - frames.last;
    frames.last = now;
    frames.count++;
    if (took >= 50) frames.slow++;
    frames.longest = Math.max(frames.longest, took);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  let tasks = [];
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => Math.round(duration)))).observe({ type: 'longtask' });
  const rest = (ms) => new Promise((done) => setTimeout(done, ms));
  // Made in slices, as an application would that has so many: that is not what is measured.
  async function* made() {
    for (let i = 0; i < files; i++) {
      if (i % 200 === 0) await rest(0);
      const path = pathOf(i, files);
      // The file is not asked for the name that it was given: a text that the browser gives out costs the page when it is collected.
      const file = new File([`document ${i}`], path.slice(path.indexOf('/') + 1));
      Object.defineProperty(file, 'webkitRelativePath', { value: path });
      yield file;
    }
  }
  globalThis.measure = async (name, work) => {
    Object.assign(frames, { longest: 0, last: performance.now(), count: 0, slow: 0 });
    tasks = [];
    const begun = performance.now();
    performance.mark(name);
    await work(root);
    return { name, longestFrameMs: Math.round(frames.longest), framesOver50Ms: frames.slow, longTasksMs: tasks, frames: frames.count, tookMs: Math.round(performance.now() - begun), rows: element.uploader.length, done: element.uploader.progress.completed, phase: element.uploader.phase };
  };
  globalThis.rest = rest;
  // All are there before the first is sent, and they are sent one bundle after the other: so the upload outlasts what is measured.
  element.options = { ...element.options, autoStart: false, concurrency: 1, processing: { queueSize: 1_000_000 } };
  globalThis.settled = () => rest(50).then(() => (root.querySelector('.grid').getAttribute('aria-busy') === 'true' ? settled() : undefined));
  globalThis.addAll = () => element.add(made());
}
