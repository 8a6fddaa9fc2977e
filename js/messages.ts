/** What goes over the control port, and what starts a worker (docs/architecture.md). */
import type { Failure } from './errors.js';
import type { FileStatus, Phase, Progress } from './types.js';

/** What changed, at most once a frame. */
export interface Update {
  phase: Phase;
  batchId?: string;
  files: FileChange[];
  groups: GroupChange[];
  progress: Progress;
  reason?: Failure;
  /** The batch's status, as its JSON text. */
  status?: string;
}

export interface FileChange {
  id: number;
  state: FileStatus;
  percent: number;
  size?: number;
  documentId?: string;
  error?: Failure;
}

export interface GroupChange {
  change: 'started' | 'completed';
  number: number;
  files: number[];
}

export type ToHost =
  | { t: 'cancel' } | { t: 'discard' } | { t: 'close' }
  /** These files, or the whole upload. */
  | { t: 'pause' | 'resume'; ids?: number[] }
  /** These files; none to retry: all that failed. */
  | { t: 'remove' | 'retry'; ids: number[] }
  /** The server's own words of the batch that is followed. */
  | { t: 'status'; text: string }
  | { t: 'token'; token: string } | { t: 'token'; error: string }
  | { t: 'call'; id: number; method: string; path: string; body?: string };

export type FromHost =
  | { t: 'ready' }
  /** `update`: JSON, in whose `progress` the other numbers belong; `secondsLeft`: NaN if it is not known. */
  | { t: 'update'; update: string; bytesPerSecond: number; secondsLeft: number; percent: number }
  | { t: 'refresh' }
  | { t: 'left' }
  | { t: 'answer'; id: number; body: string; error?: undefined } | { t: 'answer'; id: number; error: Failure }
  | { t: 'fatal'; message: string };

/** The first and only message to a worker: it becomes the engine's, or one that reads for it. */
export type WorkerStart = { module: WebAssembly.Module; options: string } & (
  | { control: MessagePort; files: MessagePort; readers: MessagePort[]; folders: MessagePort | undefined }
  | { reader: MessagePort; folders: MessagePort | undefined }
);

/** What a worker says to the page: that it runs, or that it can't. Nothing else comes this way. */
export type WorkerSays = { t: 'runs' } | { t: 'broken'; message: string };
