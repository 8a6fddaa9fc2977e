/** What is told about the upload as a whole: what happened, and what helps. */
import type { UploadError } from '../errors.js';
import type { Processed } from './processed.js';
import type { Cause, Notice, Watch } from './watch.js';
import type { Words } from './words.js';

export interface Told {
  kind: 'good' | 'warn' | 'bad';
  text: string;
}

/** Reasons that are told one by one. */
const CAUSES = 3;

/** Why files failed and what helps, a line for each reason that the notice itself does not tell. */
export function reasons(notice: Notice, all: Cause[], words: Words): string[] {
  const { strings } = words;
  if (notice.is !== 'over') return [];
  const causes = all.filter(({ error }) => error.code !== notice.end.reason?.code);
  const lines = causes.slice(0, CAUSES).map(({ error, count }) => words.say(strings.because, { files: words.files(count), why: sentences(words.reason(error)) }));
  const others = causes.slice(CAUSES).reduce((sum, { count }) => sum + count, 0);
  return others > 0 ? [...lines, words.say(strings.others, { n: others })] : lines;
}

export function told({ notice, processed }: Pick<Watch, 'notice' | 'processed'>, words: Words): Told | undefined {
  switch (notice.is) {
    case 'none':
      return undefined;
    case 'stalled':
      return { kind: 'warn', text: waiting(notice.reason, words) };
    case 'failed':
      return { kind: 'bad', text: sentences(words.reason(notice.error)) };
    case 'over':
      return over(notice, processed, words);
  }
}

/** A server that answers is not out of reach: what it says (a full disk, say) is worth more than that. */
function waiting(reason: UploadError | undefined, words: Words): string {
  const { strings } = words;
  if (reason?.code === 'journal_busy') return strings.busy;
  return reason?.status === undefined ? strings.stalled : words.say(strings.stalledSaying, { message: reason.message });
}

function over({ end: { cancelled, progress, reason }, seconds, missing }: Notice & { is: 'over' }, processed: Processed, words: Words): Told {
  const { strings } = words;
  const { completed, failed, total, bytes, sentBytes } = progress;
  const arrived = words.say(strings.arrived, { n: completed });
  if (cancelled) return { kind: 'warn', text: words.say(strings.cancelled, { arrived }) };
  if (total === 0) return { kind: 'warn', text: strings.nothing };
  const after = then(processed, words);
  if (failed > 0) {
    const why = reason ? sentences(words.reason(reason)) : '';
    return { kind: 'bad', text: `${why} ${words.say(strings.partial, { arrived, n: failed })} ${after?.text ?? ''}`.trim() };
  }
  // Some languages shorten a unit with a full stop; the sentence has its own.
  const took = seconds === undefined ? '' : words.say(strings.took, { time: words.time(seconds).replace(/\.$/, '') });
  const done = [words.say(after ? strings.uploaded : strings.done, { arrived, size: words.size(bytes), took })];
  if (missing > 0) done.push(words.say(strings.missing, { n: missing }));
  else if (sentBytes === 0 && bytes > 0) done.push(strings.doneNothingSent);
  if (after) done.push(after.text);
  const kind = after && after.kind !== 'good' ? after.kind : missing > 0 ? 'warn' : 'good';
  return { kind, text: done.join(' ') };
}

/** What the server does, or has done, with what has arrived; nothing where nobody looks. */
function then({ state, status, error, failed }: Processed, words: Words): Told | undefined {
  const { strings } = words;
  switch (state) {
    case 'unknown':
      return undefined;
    case 'under way':
      return status?.notice ? { kind: 'warn', text: words.say(strings.held, { message: status.notice }) } : { kind: 'good', text: strings.goesOn };
    case 'lost':
      return { kind: 'warn', text: `${strings.lost} ${error ? sentences(words.reason(error)) : ''}`.trim() };
    case 'over':
      return { kind: failed > 0 ? 'warn' : 'good', text: words.say(failed > 0 ? strings.someFound : strings.allFound, { found: status?.processedFiles ?? 0, n: failed }) };
  }
}

function sentences({ why, fix }: { why: string; fix: string }): string {
  return `${why} ${fix}`.trim();
}
