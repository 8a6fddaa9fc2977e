/** Options on their way to the engine: JSON text, as the application wrote them. Functions stay on this side. */
import { Options, isSection } from './glue.js';

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
  if (typeof value === 'boolean') return options.flag(path, value);
  if (typeof value === 'number') return options.number(path, value);
  if (typeof value === 'string') return options.text(path, value);
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return options.list(path, value.join('\n'));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return options.other(path);
  if (path !== '' && !isSection(path)) return options.object(path, JSON.stringify(value));
  for (const [name, word] of Object.entries(value)) add(options, path === '' ? name : `${path}.${name}`, word);
}
