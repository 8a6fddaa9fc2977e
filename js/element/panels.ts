/** The parts of the element around its list. */
import { html, nothing, svg } from 'lit';
import type { TemplateResult } from 'lit';
import type { Interrupted } from '../types.js';
import { chart } from './chart.js';
import { icon } from './icons.js';
import type { Icon } from './icons.js';
import type { LeftState } from './left.js';
import type { Told } from './notice.js';
import type { Watch } from './watch.js';
import type { Words } from './words.js';

/** Everything that a button outside of the list does. */
export type Command =
  | 'choose-files' | 'choose-folder' | 'pause' | 'resume' | 'ask-cancel' | 'cancel' | 'go-on' | 'retry' | 'export' | 'continue' | 'discard';

export type Do = (command: Command) => void;

/** What the buttons of the upload show: what can be done, or the question whether it is meant. */
export type Asking = 'nothing' | 'cancel';

function button(run: Do, command: Command, label: string, look: 'main' | 'plain' | 'bad' = 'plain', picture?: Icon): TemplateResult {
  return html`<button type="button" part="button button-${look}" class=${look} data-command=${command} @click=${() => run(command)}>${picture ? icon(picture) : nothing}${label}</button>`;
}

/** `look` of the first button: something else may be what is meant to be clicked. */
export function dropZone(look: 'main' | 'plain', words: Words, run: Do): TemplateResult {
  const { strings } = words;
  return html`<div part="drop" class="drop">
    <span class="badge">${icon('upload')}</span>
    <p class="lead">${strings.dropTitle}</p>
    <p class="quiet">${strings.dropHint}</p>
    <p class="buttons">
      ${button(run, 'choose-files', strings.chooseFiles, look)}
      ${button(run, 'choose-folder', strings.chooseFolder)}
    </p>
  </div>`;
}

export function leftPanel({ since, files, total, bytes, elsewhere, canContinue }: Interrupted, state: LeftState, words: Words, run: Do): TemplateResult {
  const { left } = words.strings;
  const values = { date: words.date(since), arrived: files, files: words.files(total), size: words.size(bytes) };
  const hint = elsewhere ? left.elsewhereHint : state === 'refused' ? left.refused : canContinue ? left.canContinue : left.addAgain;
  return html`<div part="left" class="left" ?inert=${state === 'working'}>
    <div>
      <p>${words.say(elsewhere ? left.elsewhere : left.title, values)}</p>
      <p class="quiet">${hint}</p>
    </div>
    ${elsewhere ? nothing : html`<p class="buttons">
      ${canContinue && state !== 'refused' ? button(run, 'continue', left.continue, 'main') : nothing}
      ${button(run, 'discard', left.discard)}
    </p>`}
  </div>`;
}

export function totalPanel(watch: Watch, asking: Asking, words: Words, run: Do): TemplateResult {
  const { strings } = words;
  const { phase, progress, stage, over } = watch;
  const { percent, failed } = progress;
  const running = phase === 'running';
  // At the end the bar says how much of it failed.
  const lost = over && phase !== 'cancelled' && progress.total > 0 ? (100 * failed) / progress.total : 0;
  const tone = stage === 'broken' ? 'bad' : over ? (phase === 'cancelled' ? 'rest' : 'good') : running || phase === 'idle' || phase === 'following' ? 'busy' : 'rest';
  return html`<div part="total" class="total" data-phase=${phase} data-tone=${tone}>
    <div class="headline">
      <p class="figure"><span class="percent">${words.percent(percent)}</span> <span class="phase">${phaseWords(watch, words)}</span></p>
      <p class="buttons">${steering(watch, asking, words, run)}</p>
    </div>
    <div part="bar" class="bar" role="progressbar" aria-label=${strings.totalProgress} aria-valuemin="0" aria-valuemax="100"
      aria-valuenow=${Math.floor(percent)} aria-valuetext=${words.percent(percent)}>
      <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">${svg`<rect width=${percent} height="1"></rect><rect class="lost" x=${percent - lost} width=${lost} height="1"></rect>`}</svg>
    </div>
    ${facts(watch, words)}
  </div>`;
}

function phaseWords({ phase, progress, notice, status, stage }: Watch, words: Words): string {
  const { strings } = words;
  if (stage === 'broken') return strings.status.failed;
  if (phase === 'complete' && progress.failed > 0) return strings.phase.partial;
  if (phase === 'stalled' && notice.is === 'stalled' && notice.reason?.code === 'journal_busy') return strings.phase.elsewhere;
  if (phase === 'following' && status) return words.say(strings.processing, { done: status.processedFiles, total: status.totalFiles });
  return strings.phase[phase];
}

function steering({ phase, progress, stage, over }: Watch, asking: Asking, words: Words, run: Do): TemplateResult | typeof nothing {
  const { strings } = words;
  if (stage === 'broken') return nothing;
  const retry = progress.failed > 0 && phase !== 'cancelled' ? button(run, 'retry', strings.retryAll, over ? 'main' : 'plain', 'retry') : nothing;
  if (over) return html`${retry}`;
  if (asking === 'cancel') return html`${button(run, 'cancel', strings.cancelSure, 'bad')}${button(run, 'go-on', strings.cancelNo)}`;
  const pause = phase === 'paused'
    ? button(run, 'resume', stage === 'ran' ? strings.resume : strings.start, 'main')
    : phase === 'running' || phase === 'stalled' ? button(run, 'pause', strings.pause) : nothing;
  return html`${retry}${pause}${button(run, 'ask-cancel', strings.cancel)}`;
}

function facts({ phase, progress, history, over }: Watch, words: Words): TemplateResult {
  const { strings } = words;
  const { completed, total, failed, bytes, totalBytes, bytesPerSecond, secondsLeft, basis } = progress;
  const running = phase === 'running';
  const size = basis === 'bytes' && bytes < totalBytes && !over ? words.say(strings.ofBytes, { done: words.size(bytes), total: words.size(totalBytes) }) : words.size(bytes);
  const values = { now: words.speed(bytesPerSecond), most: words.speed(history.most) };
  return html`<div part="facts" class="facts">
    <ul role="list">
      <li>${words.say(strings.ofFiles, { done: completed, n: total })}</li>
      <li>${size}</li>
      ${running && bytesPerSecond > 0 ? html`<li>${values.now}</li>` : nothing}
      ${running && secondsLeft !== undefined ? html`<li>${words.say(strings.timeLeft, { time: words.time(secondsLeft) })}</li>` : nothing}
      ${failed > 0 ? html`<li class="bad">${words.say(strings.failedCount, { n: failed })}</li>` : nothing}
    </ul>
    ${history.points.length > 1 && history.most > 0 ? chart(history, words.say(strings.chart, values)) : nothing}
  </div>`;
}

export function noticePanel({ kind, text }: Told, reasons: string[]): TemplateResult {
  return html`<div part="notice" class="notice" data-kind=${kind}>${icon(kind === 'good' ? 'done' : 'failed')}<div>
    <p>${text}</p>
    ${reasons.length > 0 ? html`<ul role="list">${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>` : nothing}
  </div></div>`;
}

export function footer(failed: number, words: Words, run: Do): TemplateResult {
  const { strings } = words;
  return html`<div part="footer" class="footer">
    <p class="buttons">${button(run, 'choose-files', strings.addFiles)}${button(run, 'choose-folder', strings.addFolder)}</p>
    ${failed > 0 ? html`<p class="buttons">${button(run, 'export', strings.exportFailures)}</p>` : nothing}
  </div>`;
}
