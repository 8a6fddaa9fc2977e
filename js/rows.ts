/** The files of an upload as columns: row n is the n-th file found, on this side as in the engine. */
import { UploadError } from './errors.js';
import type { Failure } from './errors.js';
import type { FileChange } from './messages.js';
import type { FileStatus, FinalStatus, UploadFile, UploadResult } from './types.js';

const STATUSES: FileStatus[] = ['waiting', 'reading', 'sending', 'paused', 'committed', 'duplicate', 'failed', 'rejected', 'cancelled'];
const CODES = new Map(STATUSES.map((status, code) => [status, code]));
const FIRST_FINAL = STATUSES.indexOf('committed');

export class Rows {
  readonly #files: (File | null)[] = [];
  readonly #paths: string[] = [];
  #statuses = new Uint8Array(256);
  #percents = new Uint8Array(256);
  /** NaN: not known. */
  #sizes = new Float64Array(256).fill(NaN);
  readonly #documents: (string | undefined)[] = [];
  readonly #errors = new Map<number, Failure | UploadError>();

  get length(): number {
    return this.#paths.length;
  }

  append(first: number, files: (File | null)[], paths: string[]): void {
    for (let i = 0; i < paths.length; i++) {
      this.#files[first + i] = files[i] ?? null;
      this.#paths[first + i] = paths[i] ?? '';
    }
    this.#reserve(this.#paths.length);
  }

  /** A file that was only looked at was opened. */
  opened(row: number, file: File): void {
    this.#files[row] = file;
  }

  /** Takes over what the engine says. */
  apply(change: FileChange): 'moved' | 'settled' | 'same' {
    const { id } = change;
    const status = CODES.get(change.state) ?? 0;
    this.#reserve(id + 1);
    const before = this.#statuses[id];
    const moved = this.#percents[id] !== change.percent;
    this.#statuses[id] = status;
    this.#percents[id] = change.percent;
    if (change.size !== undefined) this.#sizes[id] = change.size;
    if (change.documentId !== undefined) this.#documents[id] = change.documentId;
    // An error is told once; it stays until the file is tried again.
    if (change.error) this.#errors.set(id, change.error);
    else if (status < FIRST_FINAL || change.state === 'committed' || change.state === 'duplicate') this.#errors.delete(id);
    if (before !== status) return status >= FIRST_FINAL ? 'settled' : 'moved';
    return moved ? 'moved' : 'same';
  }

  path(id: number): string {
    return this.#paths[id] ?? '';
  }

  status(id: number): FileStatus {
    return STATUSES[this.#statuses[id] ?? 0] as FileStatus;
  }

  /** The id of its document, once it has arrived. */
  document(id: number): string | undefined {
    return this.#documents[id];
  }

  /** NaN: not known. */
  size(id: number): number {
    return this.#sizes[id] ?? NaN;
  }

  file(id: number): File | null {
    return this.#files[id] ?? null;
  }

  /** What is known of a row, as an object of its own. */
  snapshot(id: number): UploadFile {
    return { ...this.#common(id), id, percent: this.#percents[id] ?? 0 };
  }

  result(id: number): UploadResult {
    return this.#common(id) as UploadResult & { status: FinalStatus };
  }

  results(): UploadResult[] {
    return Array.from(this.#paths, (_, id) => this.result(id));
  }

  #common(id: number) {
    const path = this.#paths[id] ?? '';
    const size = this.#sizes[id] ?? NaN;
    const documentId = this.#documents[id];
    const error = this.#error(id);
    return {
      path,
      name: path.slice(path.lastIndexOf('/') + 1),
      file: this.file(id),
      status: STATUSES[this.#statuses[id] ?? 0] as FileStatus,
      ...(Number.isNaN(size) ? {} : { size }),
      ...(documentId === undefined ? {} : { documentId }),
      ...(error === undefined ? {} : { error }),
    };
  }

  #error(id: number): UploadError | undefined {
    const error = this.#errors.get(id);
    if (error === undefined || error instanceof UploadError) return error;
    const made = new UploadError(error, { path: this.#paths[id] });
    this.#errors.set(id, made);
    return made;
  }

  #reserve(rows: number): void {
    const now = this.#statuses.length;
    if (rows <= now) return;
    const next = Math.max(rows, now * 2);
    this.#statuses = grown(new Uint8Array(next), this.#statuses);
    this.#percents = grown(new Uint8Array(next), this.#percents);
    this.#sizes = grown(new Float64Array(next).fill(NaN), this.#sizes);
  }
}

function grown<T extends Uint8Array | Float64Array>(into: T, from: T): T {
  into.set(from);
  return into;
}
