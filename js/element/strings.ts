/** Every word that the element shows or speaks. `{n}` and the like are filled in; plural forms are those of `Intl.PluralRules`. */
import type { FileStatus, Phase } from '../types.js';
import { strings as english } from './locales/en.js';

/** How a file is shown: one that arrived may still not have been processed. */
export type ShownStatus = FileStatus | 'unprocessed';

/** One text, or one for each plural form of the language. */
export type Text = string | (Partial<Record<Intl.LDMLPluralRule, string>> & { other: string });

/** Why something failed, and what helps. `{message}` is what the uploader itself says, in English. */
export interface Reason {
  why: string;
  fix: string;
}

export interface Strings {
  label: string;
  dropTitle: string;
  dropHint: string;
  dropNow: string;
  chooseFiles: string;
  chooseFolder: string;
  addFiles: string;
  addFolder: string;
  /** Of the whole upload; `partial`: over, with failures; `unprocessed`: all arrived, and not all could be processed; `elsewhere`: another tab uploads. */
  phase: Record<Phase | 'partial' | 'unprocessed' | 'elsewhere', string>;
  status: Record<ShownStatus, string>;
  /** How far the server is with what has arrived, while it is followed (`tracking`). */
  processing: string;
  notProcessed: Text;
  start: string;
  pause: string;
  resume: string;
  cancel: string;
  cancelSure: string;
  cancelNo: string;
  retryAll: string;
  retry: string;
  remove: string;
  pauseNamed: string;
  resumeNamed: string;
  retryNamed: string;
  removeNamed: string;
  pauseShown: Text;
  resumeShown: Text;
  retryShown: Text;
  removeShown: Text;
  exportFailures: string;
  totalProgress: string;
  ofFiles: Text;
  ofBytes: string;
  timeLeft: string;
  failedCount: Text;
  chart: string;
  files: Text;
  filter: Record<'label' | 'all' | 'waiting' | 'done' | 'failed', string>;
  search: string;
  sort: Record<'name' | 'size' | 'state', string>;
  actions: string;
  list: string;
  keys: string;
  empty: Record<'all' | 'waiting' | 'done' | 'failed' | 'search', string>;
  left: Record<'title' | 'elsewhere' | 'elsewhereHint' | 'canContinue' | 'addAgain' | 'refused' | 'continue' | 'discard', string>;
  arrived: Text;
  done: string;
  /** The same while the server goes on, which what follows tells: `goesOn`, `held` (it can't), `lost` (it can't be asked), or the end. */
  uploaded: string;
  goesOn: string;
  held: string;
  lost: string;
  allFound: string;
  someFound: Text;
  doneNothingSent: string;
  partial: Text;
  /** One line for each reason: how many files it stopped, and why. */
  because: string;
  others: Text;
  cancelled: string;
  nothing: string;
  missing: Text;
  stalled: string;
  stalledSaying: string;
  busy: string;
  took: string;
  spoken: Record<'started' | 'percent' | 'paused' | 'resumed', string>;
  spokenFailed: Text;
  csv: Record<'path' | 'size' | 'state' | 'code' | 'reason' | 'fix' | 'details', string>;
  reason: Record<string, Reason>;
}

/** Strings of which only some are replaced. */
export type PartialStrings = { [K in keyof Strings]?: Strings[K] extends string ? string : Strings[K] extends Text ? Text : Partial<Strings[K]> };

/** Built, a language is a list of its texts in the order of English's (js/build.mjs). */
type Load = () => Promise<{ strings: Strings | Text[] }>;

/** The languages that are shipped beside English; each is loaded when it is wanted. */
const LOADERS: Record<string, Load> = {
  ar: () => import('./locales/ar.js'),
  de: () => import('./locales/de.js'),
  ja: () => import('./locales/ja.js'),
};

/** The strings of a locale; nothing where English must do. */
export async function loadStrings(locale: string): Promise<Strings | undefined> {
  const load = LOADERS[locale.split('-')[0]?.toLowerCase() ?? ''];
  const strings = (await load?.())?.strings;
  return Array.isArray(strings) ? keyed(english, strings.values()) as Strings : strings;
}

function keyed(shape: object, texts: Iterator<Text>): object {
  const entry = ([key, value]: [string, Text | object]) => [key, isText(value) ? texts.next().value : keyed(value, texts)];
  return Object.fromEntries(Object.entries(shape).map(entry));
}

function isText(value: Text | object): value is Text {
  return typeof value === 'string' || 'other' in value;
}

/** `base` with what `own` replaces. */
export function withOwn(base: Strings, own: PartialStrings | undefined): Strings {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(own ?? {})) {
    const before = merged[key];
    const both = typeof before === 'object' && typeof value === 'object' && !('other' in value);
    merged[key] = both ? { ...before, ...value } : value;
  }
  return merged as unknown as Strings;
}
