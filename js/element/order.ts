/** A sort that can be interrupted. */
import type { Rows } from '../rows.js';
import { STEPS } from './slices.js';

/**
 * Natural merge sort: runs that are in order already are found first and then merged, so what was sorted before, with new rows at its
 * end, costs little more than one pass. Stable.
 */
export function* sorted(ids: Uint32Array, compare: (a: number, b: number) => number): Generator<void, Uint32Array> {
  let from: Uint32Array = ids;
  let starts = [0];
  for (let i = 1; i < from.length; i++) {
    if (compare(from[i - 1] as number, from[i] as number) > 0) starts.push(i);
    if (i % STEPS === 0) yield;
  }
  // In order already: nothing is copied.
  if (starts.length === 1) return ids;
  from = ids.slice();
  let into: Uint32Array = new Uint32Array(from.length);
  while (starts.length > 1) {
    const merged: number[] = [];
    for (let run = 0; run < starts.length; run += 2) {
      const start = starts[run] as number;
      const end = starts[run + 2] ?? from.length;
      const middle = starts[run + 1] ?? end;
      merged.push(start);
      let [left, right] = [start, middle];
      for (let at = start; at < end; at++) {
        const takeLeft = left < middle && (right >= end || compare(from[left] as number, from[right] as number) <= 0);
        into[at] = from[takeLeft ? left++ : right++] as number;
        if (at % STEPS === 0) yield;
      }
    }
    [from, into] = [into, from];
    starts = merged;
  }
  return from;
}

/** The last segment of each path. */
export function* namesOf(rows: Pick<Rows, 'path'>, length: number): Generator<void, string[]> {
  const names: string[] = [];
  for (let id = 0; id < length; id++) {
    const path = rows.path(id);
    names.push(path.slice(path.lastIndexOf('/') + 1));
    if (id % STEPS === 0) yield;
  }
  return names;
}

/**
 * How names compare: numbers by value, without regard to case, letters as the language has them. A collator takes a microsecond for two
 * names, and a hundred thousand rows are two million comparisons: where every name is ASCII, `names` become keys that compare as they are.
 */
export function* comparison(names: string[]): Generator<void, (a: string, b: string) => number> {
  for (let i = 0; i < names.length; i++) {
    if (/[^\0-\x7f]/.test(names[i] as string)) return new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' }).compare;
    if (i % STEPS === 0) yield;
  }
  for (let i = 0; i < names.length; i++) {
    names[i] = (names[i] as string).toLowerCase().replace(/\d+/g, (digits) => digits.padStart(12, '0'));
    if (i % STEPS === 0) yield;
  }
  return (a, b) => (a < b ? -1 : a > b ? 1 : 0);
}
