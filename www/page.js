// The upload page: `<cloudindex-uploader>` and what a newcomer wants around it. It uses only what is published.
import { Counters } from './counters.js';
import { Results } from './results.js';
import { samples } from './samples.js';
import { Settings } from './settings.js';
import { Chooser } from './targets.js';
import { speak } from './words.js';

const $ = (id) => document.getElementById(id);
const element = document.querySelector('cloudindex-uploader');
const key = $('key');
const sampleForm = $('samples').querySelector('form');

/** ms between two questions how far the server is with what has arrived. */
const STATUS_EVERY = 1000;

let words;
/** An uploader that can't go on. */
let broken;
const counters = new Counters(element);
const settings = new Settings($('settings').querySelector('form'), (name) => {
  look();
  if (name === 'language' || name === undefined) talk();
  else configure();
});
const chooser = new Chooser($('target'), () => begin());
const results = new Results($('results'), element, () => chooser.server());

/** What the server says of itself, the key included where that is safe. */
async function ask() {
  try {
    const response = await fetch('page/config.json', { cache: 'no-store' });
    if (response.ok) chooser.here = await response.json();
    else if (response.status !== 404) throw new Error(`status ${response.status}`);
  } catch (error) {
    trouble(words.say('noSettings', { why: error.message }));
  }
}

/** The target is known: with its key the element comes to life, and takes files from then on. */
async function begin() {
  key.hidden = chooser.ready;
  trouble();
  if (chooser.ready) {
    configure();
    await import('./dist/element.js');
  } else $('key-field').focus();
  $('server').textContent = $('server').title = chooser.where;
  chooser.tell(words);
  enable();
}

/** The next upload is made of these. */
function configure() {
  if (!chooser.ready) return;
  const { batchName, resume, worker } = settings.values;
  const name = batchName || words.say('batch', { date: words.date(Date.now()) });
  element.options = {
    target: chooser.make({ batch: { name }, worker, workerUrl: counters.worker }),
    resume,
    tracking: { enabled: true, statusInterval: STATUS_EVERY },
    ...settings.changed('concurrency', 'maxBatchBytes', 'retryAttempts'),
  };
}

function look() {
  const { theme, thumbnails } = settings.values;
  document.documentElement.dataset.theme = theme;
  element.toggleAttribute('thumbnails', thumbnails);
}

async function talk() {
  words = await speak(settings.values.language);
  document.title = words.say('title');
  element.setAttribute('locale', words.language);
  element.strings = words.strings;
  counters.words = settings.words = chooser.words = results.words = words;
  for (const { value, nextSibling } of sampleForm.elements.many) nextSibling.textContent = words.count(value);
  configure();
}

function trouble(text = '') {
  $('trouble').textContent = text;
  $('trouble').hidden = text === '';
}

key.addEventListener('submit', (event) => {
  event.preventDefault();
  chooser.here = { ...chooser.values, apiKey: $('key-field').value.trim() };
  begin();
});

sampleForm.addEventListener('submit', (event) => {
  event.preventDefault();
  element.add(samples(Number(sampleForm.elements.many.value)));
});

// Everywhere on the page is as good as on the element. What is dropped before it takes files must not make the browser leave the page.
addEventListener('dragover', (event) => {
  if (!event.dataTransfer?.types.includes('Files')) return;
  document.documentElement.classList.add('dragging');
  if (event.defaultPrevented) return; // by the element
  event.preventDefault();
  event.dataTransfer.dropEffect = 'copy';
});
addEventListener('dragleave', ({ relatedTarget }) => {
  if (relatedTarget === null) document.documentElement.classList.remove('dragging');
});
addEventListener('drop', (event) => {
  document.documentElement.classList.remove('dragging');
  if (event.defaultPrevented || !event.dataTransfer?.types.includes('Files')) return;
  event.preventDefault();
  take(event.dataTransfer);
});
addEventListener('paste', (event) => {
  if (event.defaultPrevented || !event.clipboardData?.files.length) return;
  event.preventDefault();
  take(event.clipboardData);
});

function take(source) {
  if (chooser.ready) element.add(source);
  else trouble(words.say('giveKey'));
}

// As the upload goes.
for (const type of ['uploaderchange', 'progress', 'complete', 'error']) element.addEventListener(type, enable);
element.addEventListener('complete', ({ detail }) => {
  if (detail.reason?.code === 'unauthorized') refused();
  configure(); // the next batch has a name of its own
});
element.addEventListener('error', ({ detail }) => {
  if (detail.code === 'unauthorized') refused();
});

/** Whether leaving would break off an upload; what the server does with what has arrived, it does without this page. */
function busy() {
  const { uploader } = element;
  return uploader !== undefined && uploader.length > 0 && uploader !== broken && !['following', 'complete', 'cancelled'].includes(uploader.phase);
}

function enable(event) {
  if (event?.type === 'error') broken = element.uploader;
  const running = busy();
  sampleForm.querySelector('button').disabled = running || !chooser.ready;
  if (running) addEventListener('beforeunload', stay);
  else removeEventListener('beforeunload', stay);
}

function stay(event) {
  event.preventDefault();
}

/** The key is none: there may be a better one. */
function refused() {
  if (chooser.name === 'here') {
    key.hidden = false;
    $('key-field').focus();
  } else {
    $('target').open = true;
    $('cloudindex-apiKey').focus();
  }
}

look();
await talk();
await ask();
await begin();
