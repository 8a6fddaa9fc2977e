/** What a screen reader is told: milestones, not every file. */
import type { Phase, Progress } from '../types.js';
import type { Words } from './words.js';

/** ms between two words on failures, however many there are. */
const FAILURES_EVERY = 5_000;

export class Announcer {
  text = '';
  #quarter = 0;
  #phase: Phase = 'idle';
  #failed = 0;
  #failedAt = -Infinity;

  /** A new upload. */
  reset(): void {
    [this.text, this.#quarter, this.#phase, this.#failed, this.#failedAt] = ['', 0, 'idle', 0, -Infinity];
  }

  say(text: string): void {
    this.text = text;
  }

  /** How the upload stands now; its end is told by who knows what became of it. */
  hear(phase: Phase, { percent, failed }: Progress, words: Words, now: number): void {
    const { spoken, spokenFailed } = words.strings;
    const before = this.#phase;
    this.#phase = phase;
    if (phase === 'paused' && before !== 'paused') return this.say(spoken.paused);
    if (phase !== 'running') return;
    if (before === 'paused') return this.say(spoken.resumed);
    if (before !== 'running' && before !== 'stalled') {
      this.#quarter = Math.floor(percent / 25);
      return this.say(spoken.started);
    }
    const quarter = Math.floor(percent / 25);
    const parts: string[] = [];
    if (quarter > this.#quarter && quarter < 4) {
      this.#quarter = quarter;
      parts.push(words.say(spoken.percent, { percent: words.percent(quarter * 25) }));
    }
    if (failed < this.#failed) this.#failed = failed;
    if (failed > this.#failed && (parts.length > 0 || now - this.#failedAt > FAILURES_EVERY)) {
      parts.push(words.say(spokenFailed, { n: failed - this.#failed }));
      [this.#failed, this.#failedAt] = [failed, now];
    }
    if (parts.length > 0) this.say(parts.join('. '));
  }
}
