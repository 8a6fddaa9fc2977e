/** A sort that can be interrupted. */
import { STEPS } from './slices.js';

/**
 * Natural merge sort: runs that are in order already are found first and then merged, so what was sorted before, with new rows at its
 * end, costs little more than one pass. Stable.
 */
export function* sorted(ids: Uint32Array, compare: (a: number, b: number) => number): Generator<void, Uint32Array> {
  let from = ids.slice();
  let into = new Uint32Array(from.length);
  let starts = [0];
  for (let i = 1; i < from.length; i++) {
    if (compare(from[i - 1] as number, from[i] as number) > 0) starts.push(i);
    if (i % STEPS === 0) yield;
  }
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
