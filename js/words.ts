/** Options on their way to the engine: JSON text, as the application wrote them. Functions stay on this side. */
import { Options } from './glue.js';

/** Words whose functions the page keeps; the engine is told only what it must know. */
const KEPT: Record<string, unknown> = { metadata: undefined, groupBy: 'application' };

/** The engine judges every other word and value, so nothing may vanish on the way. */
export function toJson(words: object): string {
  return JSON.stringify(words, function (this: unknown, key, value: unknown) {
    if (key === 'resume' && this === words) return journalName(value);
    if (typeof value === 'function') return key in KEPT ? KEPT[key] : '(a function)';
    if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
    if (typeof value === 'bigint') return Number(value);
    return value;
  });
}

/** The engine knows a journal by name alone. */
function journalName(resume: unknown): unknown {
  if (resume === true) return globalThis.location?.pathname || 'default';
  return resume === false ? undefined : resume;
}

/** For the engine: the words of that JSON, one by one. */
export function optionsOf(json: string): Options {
  const options = new Options();
  const words: unknown = JSON.parse(json);
  if (isPlain(words)) addAll(options, '', words);
  else options.word('options', 'other', NaN, '');
  return options;
}

function addAll(options: Options, prefix: string, section: object): void {
  for (const [name, value] of Object.entries(section)) add(options, prefix + name, value);
}

function add(options: Options, path: string, value: unknown): void {
  if (isPlain(value)) {
    if (!options.word(path, 'object', NaN, JSON.stringify(value))) addAll(options, `${path}.`, value);
  } else if (Array.isArray(value)) {
    options.word(path, value.every((item) => typeof item === 'string') ? 'list' : 'other', NaN, value.join('\n'));
  } else {
    options.word(path, value === null ? 'other' : typeof value, Number(value), String(value));
  }
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
