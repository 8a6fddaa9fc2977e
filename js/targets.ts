/** Where files go. */
import { Connection } from './connection.js';
import type { BatchOptions, ClientOptions } from './types.js';

export interface CloudIndexTarget extends ClientOptions {
  /** The batch to fill; without it one is created (from `batch`), and completed at the end if every file arrived. */
  batchId?: string;
  batch?: BatchOptions;
}

/** Made by {@link cloudindex}; opaque to applications. */
export class Target {
  /** Keeps other objects from passing for a target. */
  declare protected readonly isTarget: true;
  /** @internal */
  readonly connection: Connection;
  /** @internal What the engine must know of it. */
  readonly words: object;

  /** @internal */
  constructor(connection: Connection, words: object) {
    this.connection = connection;
    this.words = words;
  }
}

/** A CloudIndex server. */
export function cloudindex(options: CloudIndexTarget = {}): Target {
  const { batchId, batch, ...connection } = options;
  return new Target(new Connection(connection), { batchId, batch });
}
