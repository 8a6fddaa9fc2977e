/** The wasm module's exports (docs/architecture.md). */
import type { Failure } from './errors.js';

export default function init(input: { module_or_path: WebAssembly.Module }): Promise<unknown>;
export function initSync(input: { module: WebAssembly.Module }): unknown;

/** Runs an engine in this thread, for which the workers behind `readers` read. Wrong options: throws a Failure. */
export function host(
  options: string, control: MessagePort, files: MessagePort | undefined, readers: MessagePort[], fetch?: typeof globalThis.fetch,
): void;
/** Reads in this worker for the host at the port's other end. */
export function read(options: string, port: MessagePort): void;
/** How many workers should read on a machine of so many cores. */
export function readers(options: string, cores: number): number;
/** undefined, or the Failure that names the wrong option. */
export function checkOptions(options: string): Failure | undefined;
/** The body of `POST /v1/batches` from what an application gave. Wrong options: throws a Failure. */
export function newBatch(options: string): string;
/** Indexes by batch; files over the limit in `rejected`. */
export function planBatches(sizes: Float64Array, options: string): { batches: Uint32Array[]; rejected: Uint32Array };
/** The Failure of each file that would be refused. */
export function validate(paths: string[], sizes: Float64Array, options: string): { index: number; error: Failure }[];

/** What an earlier page left in the journal that `options` names. Wrong options: throws a Failure. */
export function left(options: string): Promise<Left | undefined>;

export interface Left {
  batchId: string;
  /** ms since 1970. */
  since: number;
  files: number;
  total: number;
  bytes: number;
  elsewhere: boolean;
  roots: FileSystemHandle[];
}
