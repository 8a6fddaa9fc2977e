/** Options on their way to the engine: JSON text, as the application wrote them. Functions stay on this side. */

import type { Size } from './types.js';

/** Words whose functions the page keeps; the engine is told only what it must know. */
const KEPT: Record<string, unknown> = { metadata: undefined, groupBy: 'application' };

/** The engine judges every other word and value, so nothing may vanish on the way. */
export function toJson(words: object): string {
  return JSON.stringify(words, (key, value: unknown) => {
    if (typeof value === 'function') return key in KEPT ? KEPT[key] : '(a function)';
    if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
    if (typeof value === 'bigint') return Number(value);
    return value;
  });
}

const UNITS: Record<string, number> = { '': 1, B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30, TIB: 2 ** 40 };

/** A size that the engine has found right, as the number that a server takes. */
export function toBytes(size: Size | undefined): number | undefined {
  if (typeof size !== 'string') return size;
  const [, number = '', unit = ''] = /^\s*([\d.]+)\s*([a-z]*)\s*$/i.exec(size) ?? [];
  return Math.floor(Number(number) * (UNITS[unit.toUpperCase()] ?? NaN));
}
