// Eyes and hands on `<cloudindex-uploader>` in a page: what a person sees in it and does with it. The one place of the scenarios that knows
// what the element is made of.

const TAG = 'cloudindex-uploader';

/** Waits for something inside of the element: a function of its shadow root. */
export function until(page, body, { timeout, args = [] } = {}) {
  return page.waitFor(`(...args) => { const root = document.querySelector('${TAG}')?.shadowRoot; return root && (${body})(root, ...args); }`, { timeout, args });
}

/** The element takes files. */
export const ready = (page) => until(page, (root) => root.querySelector('.base') !== null);

/** Drops files and folders on it. */
export const drop = (page, paths) => page.drop(TAG, paths);

/** What the choice of files in its dialogue does. */
export const choose = (page, paths) => page.choose('#files', paths, TAG);

/** The same for the folder dialogue. */
export const chooseFolder = (page, path) => page.choose('#folder', [path], TAG);

/** Clicks one of its buttons: `pause`, `resume`, `retry`, `ask-cancel`, `cancel`, `continue`, `discard`, … */
export async function press(page, command) {
  await until(page, (root, command) => root.querySelector(`[data-command=${command}]`), { args: [command] });
  await page.click(`[data-command=${command}]`, TAG);
}

/** Calls the upload off, and means it. */
export async function cancel(page) {
  await press(page, 'ask-cancel');
  await press(page, 'cancel');
}

/** Presses a button of the file that is shown under this path: `pause`, `resume`, `retry` or `remove`. */
export async function act(page, act, path) {
  const row = await until(page, (root, path) => [...root.querySelectorAll('.window > .row')].find((row) => row.querySelector('.name').title === path)?.id, { args: [path] });
  await page.click(`#${row} [data-act=${act}]`, TAG);
}

/** Until the file that is shown under this path stands so. */
export function status(page, path, wanted) {
  return until(page, (root, path, wanted) => [...root.querySelectorAll('.window > .row')].find((row) => row.querySelector('.name').title === path)?.dataset.status === wanted, { args: [path, wanted] });
}

/** Until the upload stands so. */
export function phase(page, wanted) {
  return until(page, (root, wanted) => root.querySelector('.total')?.dataset.phase === wanted, { args: [wanted] });
}

/** Until so many files are shown. */
export function rows(page, number) {
  return until(page, (root, number) => root.querySelectorAll('.window > .row').length === number, { args: [number] });
}

/** Until the element says something of the kind; `what`: a regular expression. */
export function told(page, what, timeout) {
  return until(page, (root, what) => new RegExp(what, 'i').test(root.querySelector('.notice')?.textContent.trim() ?? ''), { timeout, args: [what.source] });
}

/** Until a file has arrived; how many there are then. */
export function someArrived(page) {
  return until(page, (root) => root.host.uploader?.progress.completed > 0 && /^[1-9][\d,]*/.exec(root.querySelector('.facts li')?.textContent.trim())?.[0]);
}

/** Until the figures are these: `61 of 61`, and so many failed. */
export function figures(page, count, failed = '0') {
  return page.waitFor(`(count, failed) => { const now = (${look})('${TAG}'); return now.count === count && now.failed === failed && now.phase === 'complete'; }`, { args: [count, failed] });
}

/** What an earlier page left, as it is offered: `{ words, hint, goOn, afresh }`. */
export function left(page, timeout) {
  return until(page, (root) => {
    const panel = root.querySelector('.left');
    return panel && {
      words: panel.querySelector('p').textContent.trim(),
      hint: panel.querySelector('.quiet').textContent.trim(),
      goOn: panel.querySelector('[data-command=continue]') !== null,
      afresh: panel.querySelector('[data-command=discard]') !== null,
    };
  }, { timeout });
}

/** Until nothing is offered. */
export const nothingLeft = (page) => until(page, (root) => root.querySelector('.base') !== null && root.querySelector('.left') === null);

/** Waits until the upload is over and its list has caught up, and returns what is seen then. The server may still process what has
 *  arrived: `processed` waits for that. */
export async function finished(page, timeout = 60_000) {
  await until(page, (root) => {
    const { uploader } = root.host;
    const over = ['following', 'complete', 'cancelled'];
    if (!uploader || !over.includes(uploader.phase)) return false;
    if (uploader.length === 0) return root.querySelector('.notice') !== null;
    if (!over.includes(root.querySelector('.total')?.dataset.phase)) return false;
    const [all, waiting] = [...root.querySelectorAll('.filters .count')].map((count) => Number(count.textContent.replace(/\D/g, '')));
    return all === uploader.length && waiting === 0;
  }, { timeout });
  return shown(page);
}

/** What a person sees; `rows`: of the files, those in view. */
export function shown(page) {
  return page.evaluate(look, TAG);
}

/** Until the server is done with what has arrived, and the list says so; what is seen then. */
export async function processed(page, timeout = 60_000) {
  await until(page, (root) => root.querySelector('.total')?.dataset.phase === 'complete' && /can be found/.test(root.querySelector('.notice')?.textContent), { timeout });
  return shown(page);
}

/** In the page. While the server processes, the upload itself is complete. */
function look(tag) {
  const root = document.querySelector(tag).shadowRoot;
  const text = (selector) => root.querySelector(selector)?.textContent.replace(/\s+/g, ' ').trim() ?? '';
  const { phase = 'idle' } = root.querySelector('.total')?.dataset ?? {};
  const follows = phase === 'following';
  return {
    phase: follows ? 'complete' : phase,
    percent: follows ? `${Math.floor(root.host.uploader.progress.percent)}%` : text('.percent'),
    count: text('.facts li').replace(/ files?$/, ''),
    failed: root.querySelector('.total') && (/^[\d,]+/.exec(text('.facts .bad:not(.unprocessed)'))?.[0] ?? '0'),
    notice: text('.notice p'),
    rows: [...root.querySelectorAll('.window > .row')].map((row) => ({
      path: row.querySelector('.name').title,
      status: row.dataset.status,
      reason: row.querySelector('.why')?.textContent.trim() ?? '',
    })),
  };
}
