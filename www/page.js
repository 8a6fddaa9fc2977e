// The upload page. It uses only what is published.
import { Uploader, cloudindex } from './dist/index.js';
import { Left } from './left.js';
import { List } from './list.js';
import { PHASE, count, date, duration, files, reason, size, time } from './words.js';

const $ = (id) => document.getElementById(id);
const ui = Object.fromEntries([
  'server', 'key', 'key-field', 'choose-files', 'choose-folder', 'files', 'folder', 'total', 'percent', 'phase', 'pause', 'retry',
  'cancel', 'bar', 'count', 'bytes', 'speed', 'left', 'failed', 'notice', 'all-count', 'failed-count', 'list', 'empty', 'spoken',
].map((id) => [id, $(id)]));

/** `{ apiKey, baseUrl }`; null until it is known. */
let config = null;
let uploader;
/** Ids of files that failed or were refused, in that order. */
let failures = new Set();
let onlyFailures = false;
/** Undefined after a retry: then nobody cares how long it took. */
let startedAt;
let spokenQuarter = 0;
/** What an earlier page left, and this upload goes on with. */
let before;
/** The code of what the upload waits for. */
let waitsFor;
let painting = false;
let paintedAt = 0;

const list = new List(ui.list, (act, id) => (act === 'retry' ? retry(id) : uploader?.remove(id)));
list.onscroll = () => requestAnimationFrame(paintList);

const left = new Left({
  look: () => make().interrupted(),
  async goOn() {
    const mine = make();
    const goes = await mine.continue();
    // Files may have been added while the browser asked: that upload goes on with what was left by itself.
    if (goes && uploader && !isOver(uploader.phase)) mine.close();
    else if (goes) begin(mine);
    return goes;
  },
  async discard() {
    const mine = make();
    await mine.discard().finally(() => mine.close());
  },
});
// Another tab may be done by now.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) look();
});

// What is dropped before the page is ready must not make the browser leave it.
addEventListener('dragover', (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = 'copy';
  document.body.classList.add('dragging');
});
addEventListener('dragleave', (event) => {
  if (event.relatedTarget === null) document.body.classList.remove('dragging');
});
addEventListener('drop', (event) => {
  document.body.classList.remove('dragging');
  if (!hasFiles(event)) return;
  event.preventDefault();
  upload(event.dataTransfer);
});
addEventListener('paste', (event) => {
  if (event.clipboardData?.files.length) upload(event.clipboardData);
});
for (const [button, input] of [['choose-files', 'files'], ['choose-folder', 'folder']]) {
  ui[button].addEventListener('click', () => ui[input].click());
  ui[input].addEventListener('change', () => {
    upload(ui[input].files);
    ui[input].value = ''; // So that the same choice counts again.
  });
}
ui.pause.addEventListener('click', () => (uploader.phase === 'paused' ? uploader.resume() : uploader.pause()));
ui.cancel.addEventListener('click', () => uploader.cancel());
ui.retry.addEventListener('click', () => retry());
ui.key.addEventListener('submit', (event) => {
  event.preventDefault();
  config = { ...config, apiKey: ui['key-field'].value.trim() };
  ui.key.hidden = true;
  notice('none', '');
  ui['choose-files'].focus();
  look();
});
for (const radio of document.querySelectorAll('[name=filter]')) {
  radio.addEventListener('change', () => {
    onlyFailures = radio.value === 'failed';
    list.follow();
    paint();
  });
}

configure();

async function configure() {
  try {
    const response = await fetch('page/config.json', { cache: 'no-store' });
    if (response.ok) config = await response.json();
    else if (response.status !== 404) throw new Error(`status ${response.status}`);
  } catch (error) {
    notice('bad', `The page could not ask the server for its settings: ${error.message}. Reload to try again.`);
  }
  config ??= {};
  ui.server.textContent = config.baseUrl || location.host;
  if (config.apiKey) look();
  else askForKey();
}

/** What was left is of interest until something is uploaded. */
async function look() {
  if (uploader || !config?.apiKey) return;
  await left.look().catch((error) => notice('bad', reason(error)));
  if (uploader) left.forget();
}

function askForKey() {
  ui.key.hidden = false;
  ui['key-field'].focus();
}

function hasFiles(event) {
  return event.dataTransfer?.types.includes('Files') ?? false;
}

/** Takes files at once, in the event that brought them. */
function upload(source) {
  if (!config?.apiKey) {
    notice('warn', config ? 'Give the API key first, then add the files again.' : 'The page is still starting. Please add the files again.');
    if (config) askForKey();
    return;
  }
  if (!uploader || isOver(uploader.phase)) begin(make());
  uploader.add(source).catch((error) => notice('bad', reason(error)));
}

function isOver(phase) {
  return phase === 'complete' || phase === 'cancelled';
}

/** An uploader that outlives the page; it becomes the page's own by `begin`. */
function make() {
  const batch = { name: `Upload of ${date(Date.now())}` };
  return new Uploader({ target: cloudindex({ apiKey: config.apiKey, baseUrl: config.baseUrl ?? '', batch }), resume: true });
}

function begin(mine) {
  uploader?.close();
  before = left.found?.elsewhere ? undefined : left.found;
  left.forget();
  failures = new Set();
  spokenQuarter = 0;
  startedAt = performance.now();
  notice('none', '');
  document.querySelector('[name=filter][value=all]').checked = true;
  onlyFailures = false;
  uploader = mine;
  mine.addEventListener('progress', paint);
  mine.addEventListener('fileerror', ({ detail }) => failures.add(detail.id));
  mine.addEventListener('filerejected', ({ detail }) => failures.add(detail.id));
  mine.addEventListener('stalled', ({ detail }) => {
    waitsFor = detail.reason?.code;
    if (waitsFor === 'journal_busy') {
      notice('warn', 'Another tab is uploading. This upload goes on by itself as soon as that one is done or closed.');
      speak('Waiting for another tab');
      return;
    }
    const why = detail.reason ? ` (${detail.reason.message})` : '';
    notice('warn', `No connection to the server${why}. The upload goes on by itself as soon as it answers.`);
    speak('No connection to the server');
  });
  mine.addEventListener('complete', ({ detail }) => finish(detail));
  mine.addEventListener('error', ({ detail }) => {
    notice('bad', reason(detail));
    speak(reason(detail));
    removeEventListener('beforeunload', stay);
    if (detail.code === 'unauthorized') askForKey();
    mine.close();
    if (uploader === mine) uploader = undefined;
    paint();
  });
  addEventListener('beforeunload', stay);
  list.follow();
  speak('Upload started');
  paint();
}

function stay(event) {
  event.preventDefault();
}

function retry(id) {
  // From here on a completed file may have been a failure.
  uploader.addEventListener('filecomplete', forgive);
  startedAt = undefined;
  notice('none', '');
  addEventListener('beforeunload', stay);
  uploader.retry(id);
}

function forgive({ detail }) {
  failures.delete(detail.id);
}

function finish({ cancelled, progress, reason: why }) {
  removeEventListener('beforeunload', stay);
  const took = startedAt === undefined ? '' : ` in ${duration((performance.now() - startedAt) / 1000)}`;
  // With failures the bytes are partly those of files that did not arrive.
  const bytes = progress.failed > 0 || cancelled ? '' : ` (${size(progress.bytes)})`;
  const arrived = `${files(progress.completed)}${bytes} arrived`;
  let words;
  if (cancelled) words = ['warn', `Cancelled. ${arrived} before that.`];
  else if (why && progress.failed > 0) words = ['bad', `${reason(why)} ${arrived}, ${count(progress.failed)} did not.`];
  else if (progress.failed > 0) words = ['bad', `${arrived}${took}. ${files(progress.failed)} did not: see “Failed” below for the reasons.`];
  else if (progress.total === 0) words = ['warn', 'There were no files in what was added.'];
  else words = ['good', `All done: ${arrived}${took}.${progress.sentBytes === 0 && progress.bytes > 0 ? ' Nothing had to be sent: the server had it all.' : ''}`];
  const missing = cancelled ? 0 : (before?.total ?? 0) - progress.total;
  if (missing > 0) words = [words[0] === 'good' ? 'warn' : words[0], `${words[1]} ${files(missing)} of the earlier upload ${missing === 1 ? 'was' : 'were'} not added again.`];
  notice(...words);
  speak(words[1]);
  if (why?.code === 'unauthorized') askForKey();
  paint();
}

function notice(kind, words) {
  ui.notice.dataset.kind = kind;
  ui.notice.textContent = words;
  ui.notice.title = words;
}

function speak(words) {
  ui.spoken.textContent = words;
}

/** Five times a second at most: nobody reads faster, and each frame painted is time that the upload does not get. */
function paint() {
  if (painting) return;
  painting = true;
  const wait = Math.max(0, paintedAt + 200 - performance.now());
  setTimeout(requestAnimationFrame, wait, () => {
    painting = false;
    paintedAt = performance.now();
    paintTotal();
    paintList();
  });
}

function paintTotal() {
  const phase = uploader?.phase ?? 'idle';
  const { percent, completed, total, failed, bytes, totalBytes, bytesPerSecond, secondsLeft, basis } = uploader?.progress
    ?? { percent: 0, completed: 0, total: 0, failed: 0, bytes: 0, totalBytes: 0, bytesPerSecond: 0 };
  const running = phase === 'running';
  if (running && ui.notice.dataset.kind === 'warn') notice('none', '');

  ui.total.dataset.phase = phase;
  ui.total.toggleAttribute('data-failures', failed > 0);
  ui.phase.textContent = uploader ? phaseWords(phase, failed) : 'Nothing to upload yet';
  ui.percent.textContent = `${Math.floor(percent)}%`;
  ui.bar.setAttribute('aria-valuenow', Math.floor(percent));
  ui.bar.firstElementChild.style.transform = `scaleX(${percent / 100})`;
  ui.count.textContent = total ? `${count(completed)} of ${count(total)}` : '–';
  ui.bytes.textContent = total ? (basis === 'bytes' ? `${size(bytes)} of ${size(totalBytes)}` : size(bytes)) : '–';
  ui.speed.textContent = running && bytesPerSecond > 0 ? `${size(bytesPerSecond)}/s` : '–';
  ui.left.textContent = running && secondsLeft !== undefined ? `about ${time(secondsLeft)}` : '–';
  ui.failed.textContent = total ? count(failed) : '–';
  ui['all-count'].textContent = count(uploader?.length ?? 0);
  ui['failed-count'].textContent = count(failed);

  ui.pause.textContent = phase === 'paused' ? 'Resume' : 'Pause';
  ui.pause.disabled = !(running || phase === 'stalled' || phase === 'paused');
  ui.cancel.disabled = !uploader || isOver(phase);
  ui.retry.disabled = failed === 0 || phase === 'cancelled';

  const quarter = Math.floor(percent / 25);
  if (running && quarter > spokenQuarter) {
    spokenQuarter = quarter;
    speak(`${quarter * 25} percent uploaded`);
  }
}

function phaseWords(phase, failed) {
  if (phase === 'complete' && failed > 0) return 'Done, but not all arrived';
  if (phase === 'stalled' && waitsFor === 'journal_busy') return 'Waiting for another tab';
  return PHASE[phase];
}

function paintList() {
  const length = onlyFailures ? failures.size : uploader?.length ?? 0;
  ui.empty.hidden = length > 0;
  ui.empty.textContent = onlyFailures ? 'Nothing failed.' : 'The files of the upload appear here.';
  if (onlyFailures) {
    const ids = Array.from(failures);
    list.render(length, (i) => uploader?.file(ids[i]));
  } else {
    const { completed = 0, failed = 0 } = uploader?.progress ?? {};
    list.render(length, (i) => uploader?.file(i), isOver(uploader?.phase) ? undefined : completed + failed);
  }
}
