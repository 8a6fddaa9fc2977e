/** Which of an upload's files are listed, and in which order: a hundred thousand rows, without an object or a string for any of them. */
import type { Uploader } from '../uploader.js';
import { comparison, namesOf, sorted } from './order.js';
import { STEPS, inSlices } from './slices.js';
import type { ShownStatus } from './strings.js';

export type Filter = 'all' | 'waiting' | 'done' | 'failed';
export type SortKey = 'found' | 'name' | 'size' | 'state';
export type Direction = 'ascending' | 'descending';

export interface Query {
  filter: Filter;
  search: string;
  sort: SortKey;
  direction: Direction;
}

export const ALL: Query = { filter: 'all', search: '', sort: 'found', direction: 'ascending' };

/** Files of each filter; those that were removed are only in `all`. */
export type Counts = Record<Filter, number>;

/** Where a status is listed, and its place in the order of states: what wants attention first. */
const PLACE: Record<ShownStatus, [Filter, number]> = {
  failed: ['failed', 0],
  unprocessed: ['failed', 0],
  rejected: ['failed', 1],
  sending: ['waiting', 2],
  reading: ['waiting', 3],
  waiting: ['waiting', 4],
  paused: ['waiting', 5],
  committed: ['done', 6],
  duplicate: ['done', 7],
  cancelled: ['all', 8],
};

const STATES = PLACE.cancelled[1] + 1;
const PAUSED = PLACE.paused[1];

/** ms between two looks at all rows while an upload runs: nobody reads a list that moves faster. */
const REST = 500;

interface Found {
  /** Undefined: all, as they were found. */
  ids: Uint32Array | undefined;
  counts: Counts;
  paused: number;
}

export class View {
  counts: Counts = { all: 0, waiting: 0, done: 0, failed: 0 };
  /** Of what is listed; known where a filter, search or sort makes the list. */
  paused = 0;
  readonly #changed: () => void;
  readonly #isUnprocessed: (id: number) => boolean;
  #uploader: Uploader | undefined;
  #query = ALL;
  /** The query that is answered by what is listed. */
  #asked = ALL;
  #ids: Uint32Array | undefined;
  /** Rows in the order of the query's sort, as it was when it was last looked at. */
  #order: Uint32Array | undefined;
  /** By row: 1 if the search finds it. Paths never change, so each row is looked at once. */
  #matches = new Uint8Array(0);
  /** By row, kept from look to look: the place of its state, and 1 if its state is listed. */
  #places = new Uint8Array(0);
  #listed = new Uint8Array(0);
  #matchedTo = 0;
  #state: 'resting' | 'working' | 'working, asked again' = 'resting';
  #stop: () => void = () => undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lookedAt = -Infinity;

  /** `changed` is called when other rows are listed, or the counts are new; `isUnprocessed` tells what the uploader does not know. */
  constructor(changed: () => void, isUnprocessed: (id: number) => boolean = () => false) {
    this.#changed = changed;
    this.#isUnprocessed = isUnprocessed;
  }

  get query(): Query {
    return this.#query;
  }

  get length(): number {
    return this.#ids?.length ?? this.#uploader?.length ?? 0;
  }

  /** The id of the row that stands at a place of the list. */
  at(place: number): number {
    const { direction, sort } = this.#query;
    const at = direction === 'descending' && sort !== 'found' ? this.length - 1 - place : place;
    return this.#ids ? this.#ids[at] ?? -1 : at;
  }

  /** Every id that is listed now. */
  ids(): Uint32Array {
    return this.#ids?.slice() ?? Uint32Array.from({ length: this.length }, (_, id) => id);
  }

  of(uploader: Uploader | undefined): void {
    this.#forget();
    this.#uploader = uploader;
    this.#query = ALL;
    this.#asked = ALL;
    this.counts = { all: 0, waiting: 0, done: 0, failed: 0 };
    this.#ids = undefined;
    this.#lookedAt = -Infinity;
    this.refresh();
  }

  ask(query: Partial<Query>): void {
    const before = this.#query;
    this.#query = { ...before, ...query };
    if (this.#query.sort !== before.sort) this.#order = undefined;
    if (this.#query.search !== before.search) this.#matchedTo = 0;
    this.#lookedAt = -Infinity;
    this.#halt();
    this.refresh();
  }

  /** The files moved on: looks at them again, not too often. */
  refresh(): void {
    if (this.#state !== 'resting') {
      this.#state = 'working, asked again';
      return;
    }
    if (this.#timer !== undefined || !this.#uploader) return;
    const wait = Math.max(0, this.#lookedAt + REST - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#look();
    }, wait);
  }

  /** The answer to the last question is not there yet. */
  get busy(): boolean {
    return this.#asked !== this.#query;
  }

  /** Stops looking. */
  #forget(): void {
    this.#halt();
    this.#order = undefined;
    this.#matchedTo = 0;
  }

  #halt(): void {
    this.#stop();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#state = 'resting';
  }

  #look(): void {
    const uploader = this.#uploader;
    if (!uploader) return;
    this.#state = 'working';
    this.#stop = inSlices(this.#find(uploader), ({ ids, counts, paused }) => {
      const again = this.#state === 'working, asked again';
      this.#state = 'resting';
      this.#lookedAt = performance.now();
      this.#ids = ids;
      this.#asked = this.#query;
      this.counts = counts;
      this.paused = paused;
      this.#changed();
      if (again) this.refresh();
    });
  }

  *#find(uploader: Uploader): Generator<void, Found> {
    const { rows, length } = uploader;
    const { filter, search, sort } = this.#query;
    const counts: Counts = { all: length, waiting: 0, done: 0, failed: 0 };
    // Rows move on between two slices; this is how they stand for the whole of it.
    this.#places = grown(this.#places, length);
    this.#listed = grown(this.#listed, length);
    const [places, listed] = [this.#places, this.#listed];
    for (let id = 0; id < length; id++) {
      const [group, place] = PLACE[this.#isUnprocessed(id) ? 'unprocessed' : rows.status(id)];
      if (group !== 'all') counts[group]++;
      places[id] = place;
      listed[id] = filter === 'all' || filter === group ? 1 : 0;
      if (id % STEPS === 0) yield;
    }
    if (search !== '') yield* this.#match(uploader, length, search);
    const order = yield* this.#sort(uploader, length, sort);
    if (filter === 'all' && search === '' && sort === 'found') return { ids: undefined, counts, paused: 0 };

    // By state: a place for each of the states, filled in the order of rows.
    const sizes = new Uint32Array(sort === 'state' ? STATES : 1);
    const bucket = (id: number) => (sort === 'state' ? places[id] as number : 0);
    const wanted = (id: number) => listed[id] === 1 && (search === '' || this.#matches[id] === 1);
    for (let id = 0; id < length; id++) {
      if (wanted(id)) (sizes[bucket(id)] as number)++;
      if (id % STEPS === 0) yield;
    }
    const ends = sizes.map((_, i) => sizes.subarray(0, i).reduce((sum, size) => sum + size, 0));
    const ids = new Uint32Array(sizes.reduce((sum, size) => sum + size, 0));
    let paused = 0;
    for (let at = 0; at < length; at++) {
      const id = order?.[at] ?? at;
      if (wanted(id)) {
        ids[(ends[bucket(id)] as number)++] = id;
        if (places[id] === PAUSED) paused++;
      }
      if (at % STEPS === 0) yield;
    }
    return { ids, counts, paused };
  }

  /** What is found needs neither the same case nor the same way to write an accent. */
  *#match({ rows }: Uploader, length: number, search: string): Generator<void, void> {
    const wanted = search.normalize().toLowerCase();
    this.#matches = grown(this.#matches, length);
    for (let id = this.#matchedTo; id < length; id++) {
      this.#matches[id] = rows.path(id).normalize().toLowerCase().includes(wanted) ? 1 : 0;
      this.#matchedTo = id + 1;
      if (id % 64 === 0) yield;
    }
  }

  *#sort({ rows }: Uploader, length: number, sort: SortKey): Generator<void, Uint32Array | undefined> {
    if (sort !== 'name' && sort !== 'size') return undefined;
    const before = this.#order;
    // Names never change: only new rows make another order.
    if (sort === 'name' && before?.length === length) return before;
    const ids = Uint32Array.from({ length }, (_, id) => id);
    if (before) ids.set(before);
    if (sort === 'size') {
      const size = (id: number) => rows.size(id);
      const sizes = new Float64Array(length);
      for (let id = 0; id < length; id++) sizes[id] = Number.isNaN(size(id)) ? -1 : size(id);
      yield;
      this.#order = yield* sorted(ids, (a, b) => (sizes[a] as number) - (sizes[b] as number));
    } else {
      const names = yield* namesOf(rows, length);
      const compare = yield* comparison(names);
      this.#order = yield* sorted(ids, (a, b) => compare(names[a] as string, names[b] as string));
    }
    return this.#order;
  }
}

/** With room for `length`, and for as much again where it had to grow. */
function grown(from: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  if (from.length >= length) return from;
  const into = new Uint8Array(Math.max(length, from.length * 2));
  into.set(from);
  return into;
}
