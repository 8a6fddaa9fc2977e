// What an earlier page left unfinished: told above the drop zone, with what can be done about it.
import { count, date, files, size } from './words.js';

const $ = (id) => document.getElementById(id);

export class Left {
  /** The upload that was left, if there is one. */
  found;
  #look;

  /** `look()` gives an `Interrupted` or nothing; `goOn()` says whether files are coming; `discard()` is done when it resolves. */
  constructor({ look, goOn, discard }) {
    this.#look = look;
    $('go-on').addEventListener('click', () => this.#act(async () => {
      if (await goOn()) return this.forget();
      $('left-hint').textContent = 'This page may not read the files by itself. Add them again to go on: what has arrived is not sent again.';
      $('go-on').hidden = true;
    }));
    $('afresh').addEventListener('click', () => this.#act(async () => {
      await this.look(); // another tab may be at it by now
      if (!this.found || this.found.elsewhere) return;
      await discard();
      this.forget();
      $('choose-files').focus();
    }));
  }

  async look() {
    this.found = await this.#look();
    $('unfinished').hidden = !this.found;
    if (!this.found) return;
    const { since, files: arrived, total, bytes, elsewhere, canContinue } = this.found;
    const state = `${count(arrived)} of ${files(total)} (${size(bytes)})`;
    $('left-words').textContent = elsewhere
      ? `Another tab is at an upload of ${date(since)}: ${state} have arrived.`
      : `The upload of ${date(since)} is not complete: ${state} have arrived.`;
    $('left-hint').textContent = elsewhere
      ? 'Files that are added here wait until that tab is done or closed.'
      : `${canContinue ? 'Continue, or add' : 'Add'} the same files again, to complete it: what has arrived is not sent again. `
        + 'Other files that you add join it, unless you start a new upload. What has arrived stays on the server either way.';
    $('go-on').hidden = elsewhere || !canContinue;
    $('afresh').hidden = elsewhere;
  }

  forget() {
    this.found = undefined;
    $('unfinished').hidden = true;
  }

  /** One at a time. */
  async #act(work) {
    const buttons = [$('go-on'), $('afresh')];
    for (const button of buttons) button.disabled = true;
    try {
      await work();
    } catch (error) {
      $('left-hint').textContent = error.message;
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  }
}
