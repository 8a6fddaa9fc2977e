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
  add(options, '', JSON.parse(json));
  return options;
}

function add(options: Options, path: string, value: unknown): void {
  let kind: string = typeof value;
  let text = String(value);
  if (Array.isArray(value)) {
    kind = value.every((item) => typeof item === 'string') ? 'list' : 'other';
    text = value.join('\n');
  } else if (kind === 'object') {
    kind = value ? kind : 'other';
    text = JSON.stringify(value);
  }
  if (kind === 'object' && path === '' || !options.word(path, kind, Number(value), text)) {
    for (const [name, word] of Object.entries(value as object)) add(options, path && `${path}.${name}` || name, word);
  }
}
