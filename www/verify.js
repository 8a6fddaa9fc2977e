// Is everything there that was uploaded? The server looks at each document; here it is told what it found.
import { node, picture } from './dom.js';

/** Of damaged documents, and of those that were not found: what is listed. */
const LISTED = 20;

const PICTURES = { good: 'm5 12.5 4.5 4.5L19 7.5', bad: 'M12 7v6m0 3.5v.01M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z' };

/** What is said of it all, and how. */
const TONES = { verified: 'good', verifiedBut: 'good', verifiedSoFar: 'warn', verifiedMissed: 'warn', verifiedNot: 'bad' };

/** Damage comes first. A document that others resemble may not be found by words of its own, though nothing of it is damaged. */
function verdictOf({ documents: { damaged }, embeddings: { chunks, present, wrong }, probes: { asked, answered }, waiting, failed }) {
  if (damaged.length > 0 || present < chunks || wrong > 0) return 'verifiedNot';
  if (answered < asked) return 'verifiedMissed';
  if (waiting > 0) return 'verifiedSoFar';
  return failed > 0 ? 'verifiedBut' : 'verified';
}

export class Verify {
  /** Documents that there are. */
  total = 0;
  #root;
  #button;
  #told;
  #report;
  #words;
  #server;
  #batchId;
  /** `{ is: 'idle' }`, `{ is: 'running', report }`, `{ is: 'over', report }` or `{ is: 'failed', why }`. */
  #state = { is: 'idle' };
  #running = new AbortController();

  constructor(root) {
    this.#root = root;
    this.#button = root.querySelector('button');
    this.#told = root.querySelector('[role=status]');
    this.#report = root.querySelector('.report');
    this.#button.addEventListener('click', () => (this.#state.is === 'running' ? this.#stop() : this.#run()));
  }

  set words(words) {
    this.#words = words;
    this.#paint();
  }

  /** Another batch. */
  of(server, batchId) {
    this.#server = server;
    this.#batchId = batchId;
    this.#stop();
  }

  #stop() {
    this.#running.abort();
    this.#enter({ is: 'idle' });
  }

  async #run() {
    this.#running = new AbortController();
    const { signal } = this.#running;
    const enter = (state) => { if (!signal.aborted) this.#enter(state); };
    enter({ is: 'running' });
    try {
      const onProgress = (report) => enter({ is: 'running', report });
      enter({ is: 'over', report: await this.#server.client.batches.verify(this.#batchId, { onProgress, signal }) });
    } catch (error) {
      enter({ is: 'failed', why: error.message });
    }
  }

  #enter(state) {
    this.#state = state;
    this.#paint();
  }

  #paint() {
    const { is, report, why } = this.#state;
    const { say, count } = this.#words;
    this.#root.dataset.is = is;
    this.#button.textContent = say(is === 'running' ? 'verifyStop' : 'verify');
    const text = {
      idle: () => '',
      running: () => say('verifying', { n: count(report?.documents.checked ?? 0), total: count(this.total) }),
      over: () => say(verdictOf(report), { n: count(report.waiting) }),
      failed: () => say('verifyFailed', { why }),
    }[is]();
    this.#told.dataset.tone = is === 'over' ? TONES[verdictOf(report)] : is === 'failed' ? 'bad' : '';
    // Heard when it begins and ends, not with every figure.
    this.#told.ariaLive = is === 'running' && report ? 'off' : 'polite';
    this.#told.textContent = text;
    this.#report.replaceChildren(...(is === 'over' ? [this.#checks(report), ...this.#lists(report)] : []));
  }

  #checks({ documents, embeddings, probes, failed, errorRate }) {
    const { say, count, size, percent } = this.#words;
    const { checked, stored, bytes, damaged } = documents;
    const { chunks, present, dimension, wrong } = embeddings;
    const { asked, answered } = probes;
    const check = (name, good, values, otherwise = 'bad') => node('li', { dataset: { tone: good ? 'good' : otherwise } },
      picture(PICTURES[good ? 'good' : 'bad']),
      node('b', { textContent: say(`check.${name}`) }),
      node('span', { textContent: say(`check.${name}.text`, values) }));
    return node('ul', {},
      check('stored', damaged.length === 0, { stored: count(stored), checked: count(checked), bytes: size(bytes) }),
      check('embedded', present === chunks && wrong === 0, { present: count(present), chunks: count(chunks), dimension: count(dimension ?? 0), wrong: count(wrong) }),
      check('found', answered === asked, { answered: count(answered), asked: count(asked) }, 'warn'),
      check('failed', failed === 0, { failed: count(failed), checked: count(checked), rate: percent(errorRate) }, 'warn'));
  }

  #lists({ documents: { damaged }, probes: { missed } }) {
    const { say, count } = this.#words;
    const list = (title, rows, why) => rows.length > 0 && node('section', {},
      node('h3', { textContent: say(title) }),
      node('ul', {}, ...rows.slice(0, LISTED).map((row) => node('li', {}, node('bdi', { textContent: row.path }), node('span', { className: 'quiet', textContent: why(row) }))),
        rows.length > LISTED ? node('li', { className: 'quiet', textContent: say('andMore', { n: count(rows.length - LISTED) }) }) : ''));
    return [list('damaged', damaged, ({ message }) => message), list('missed', missed, ({ query }) => say('lookedFor', { query }))].filter(Boolean);
  }
}
