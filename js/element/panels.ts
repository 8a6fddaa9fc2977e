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
  const { phase, stage } = watch;
  const { percent, lost } = barOf(watch);
  const follows = phase === 'following';
  const tone = stage === 'broken' ? 'bad' : phase === 'complete' ? 'good' : follows || phase === 'running' || phase === 'idle' ? 'busy' : 'rest';
  return html`<div part="total" class="total" data-phase=${phase} data-tone=${tone}>
    <div class="headline">
      <p class="figure"><span class="percent">${words.percent(percent)}</span> <span class="phase">${phaseWords(watch, words)}</span></p>
      <p class="buttons">${steering(watch, asking, words, run)}</p>
    </div>
    <div part="bar" class="bar" role="progressbar" aria-label=${follows ? strings.phase.following : strings.totalProgress} aria-valuemin="0" aria-valuemax="100"
      aria-valuenow=${Math.floor(percent)} aria-valuetext=${words.percent(percent)}>
      <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">${svg`<rect width=${percent} height="1"></rect><rect class="lost" x=${percent - lost} width=${lost} height="1"></rect>`}</svg>
    </div>
    ${facts(watch, words)}
  </div>`;
}

/** How much is done with, and how much of that failed: by the upload first, by the server when everything has arrived. */
function barOf({ phase, progress, processed: { failed, status } }: Watch): { percent: number; lost: number } {
  const part = (count: number, total: number) => (total > 0 ? (100 * count) / total : 0);
  if (phase === 'following') return { percent: status?.progressPercentage ?? 0, lost: part(status?.failedFiles ?? 0, status?.totalFiles ?? 0) };
  return { percent: progress.percent, lost: phase === 'complete' ? Math.min(progress.percent, part(progress.failed + failed, progress.total)) : 0 };
}

function phaseWords({ phase, progress, notice, processed, stage }: Watch, words: Words): string {
  const { strings } = words;
  if (stage === 'broken') return strings.status.failed;
  if (phase === 'complete' && progress.failed > 0) return strings.phase.partial;
  if (phase === 'complete' && processed.failed > 0) return strings.phase.unprocessed;
  if (phase === 'stalled' && notice.is === 'stalled' && notice.reason?.code === 'journal_busy') return strings.phase.elsewhere;
  return strings.phase[phase];
}

function steering({ phase, progress, processed, stage, over }: Watch, asking: Asking, words: Words, run: Do): TemplateResult | typeof nothing {
  const { strings } = words;
  if (stage === 'broken') return nothing;
  const lost = processed.state === 'lost';
  const retry = phase !== 'cancelled' && (progress.failed > 0 || lost || processed.retryable)
    ? button(run, 'retry', lost ? strings.retry : strings.retryAll, over ? 'main' : 'plain', 'retry') : nothing;
  if (over) return html`${retry}`;
  if (asking === 'cancel') return html`${button(run, 'cancel', strings.cancelSure, 'bad')}${button(run, 'go-on', strings.cancelNo)}`;
  const pause = phase === 'paused'
    ? button(run, 'resume', stage === 'ran' ? strings.resume : strings.start, 'main')
    : phase === 'running' || phase === 'stalled' ? button(run, 'pause', strings.pause) : nothing;
  return html`${retry}${pause}${button(run, 'ask-cancel', strings.cancel)}`;
}

function facts({ phase, progress, history, over, processed: { status } }: Watch, words: Words): TemplateResult {
  const { strings } = words;
  const { completed, total, failed, bytes, totalBytes, bytesPerSecond, secondsLeft, basis } = progress;
  const running = phase === 'running';
  const follows = phase === 'following' ? status : undefined;
  const size = basis === 'bytes' && bytes < totalBytes && !over ? words.say(strings.ofBytes, { done: words.size(bytes), total: words.size(totalBytes) }) : words.size(bytes);
  const values = { now: words.speed(bytesPerSecond), most: words.speed(history.most) };
  // By this machine's clock: where it differs from the server's so much that the end is past, nothing is said.
  const until = follows?.estimatedCompletion ? (Date.parse(follows.estimatedCompletion) - Date.now()) / 1000 : 0;
  const time = running && secondsLeft !== undefined ? words.time(secondsLeft) : until > 0 ? words.about(until) : '';
  return html`<div part="facts" class="facts">
    <ul role="list">
      <li>${words.say(strings.ofFiles, { done: completed, n: total })}</li>
      <li>${size}</li>
      ${running && bytesPerSecond > 0 ? html`<li>${values.now}</li>` : nothing}
      ${follows ? html`<li>${words.say(strings.processing, { done: follows.processedFiles, total: follows.totalFiles })}</li>` : nothing}
      ${time ? html`<li>${words.say(strings.timeLeft, { time })}</li>` : nothing}
      ${failed > 0 ? html`<li class="bad">${words.say(strings.failedCount, { n: failed })}</li>` : nothing}
      ${follows && follows.failedFiles > 0 ? html`<li class="bad unprocessed">${words.say(strings.notProcessed, { n: follows.failedFiles })}</li>` : nothing}
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
