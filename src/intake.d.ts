/** What an intake is told of, and asks. */
export interface IntakeHooks {
  /** Row `first + i` is `files[i]` (null: an entry that could not be opened, or was not yet) at `paths[i]`. */
  found(first: number, files: (File | null)[], paths: string[]): void;
  /** Row `row`, which had no file because it was enough to look at it, has this one now. */
  opened(row: number, file: File): void;
  metadata?: ((file: File) => object | undefined) | undefined;
  groupBy?: ((file: File) => string) | undefined;
  /** The host keeps the handles of what is added. */
  roots?: boolean;
  /** Every file is opened, though the journal may know it. */
  opensAll?: boolean;
  /** Gives something with the `name` and `values()` of this handle that does its work elsewhere. */
  away?: ((folder: FileSystemDirectoryHandle) => unknown) | undefined;
}

/** Walks, and hands on what it finds. */
export class Intake {
  /** `port`: its other end is the host's. Throws a TypeError for hooks that are no functions. */
  constructor(port: MessagePort, hooks: IntakeHooks);
  /** Takes the source, and walks it. */
  add(source: unknown): Promise<void>;
  /** Walks what `take` (sources.js) gave. */
  walk(taken: unknown[]): Promise<void>;
  close(): void;
}
