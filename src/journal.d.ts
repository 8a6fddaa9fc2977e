/** The journal of one host; see journal.js. */
export class Book {
  /** Hears `['opened', records]`, `['busy']`, `['lost', reason]`, `['left']`. */
  constructor(scope: string, tell: (told: [what: string, more?: unknown]) => void);
  /** Nothing is read from it or written to it now. */
  readonly idle: boolean;
  open(): void;
  record(record: Uint8Array): void;
  /** All of it by this record, or by none. */
  rewrite(record: Uint8Array | undefined): void;
  root(handle: unknown): void;
  keepRoots(): void;
  forgetRoots(): void;
  /** `done`: the handles are not needed any more. */
  close(done: boolean): void;
}

/** Records and handles as they are now, and whether somebody has the journal. */
export function look(scope: string): Promise<{ records: Uint8Array[]; roots: FileSystemHandle[]; elsewhere: boolean }>;
