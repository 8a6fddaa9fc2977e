/** An uploader whose state a React component shows. */
import { useState, useSyncExternalStore } from 'react';
import type { UploadError } from '../errors.js';
import type { Phase, Progress } from '../types.js';
import { Uploader } from '../uploader.js';
import type { UploaderOptions } from '../uploader.js';

/** How an upload stood at one moment. A new object when something changed, at most once a frame. */
export interface UploaderState {
  readonly phase: Phase;
  readonly progress: Progress;
  /** How many files were found; `uploader.file(id)` tells of each. */
  readonly length: number;
  readonly batchId: string | undefined;
  /** Why the upload as a whole can't go on. */
  readonly error: UploadError | undefined;
  readonly uploader: Uploader;
}

/**
 * An uploader that lives as long as the component, and its state. The options of the first render count; for others give the
 * component another `key`. Safe to render on a server, and in StrictMode. Throws an UploadError when an option is wrong.
 */
export function useUploader(options: UploaderOptions): UploaderState {
  const [store] = useState(() => new Store(options));
  return useSyncExternalStore(store.subscribe, store.read, store.read);
}

/** What React asks of a store; a component of its own has each. */
class Store {
  readonly #options: UploaderOptions;
  #state: UploaderState;

  constructor(options: UploaderOptions) {
    this.#options = options;
    this.#state = snapshot(new Uploader(options));
  }

  readonly read = (): UploaderState => this.#state;

  /** From mount to unmount: the uploader ends with it. One that was used is followed by another when the component comes back. */
  readonly subscribe = (changed: () => void): (() => void) => {
    if (this.#state.uploader.length > 0) this.#state = snapshot(new Uploader(this.#options));
    const { uploader } = this.#state;
    const look = (error?: UploadError) => {
      this.#state = snapshot(uploader, error);
      changed();
    };
    // Each update ends with the event `progress`, at most once a frame; `error` comes without one.
    const progress = () => look();
    const error = ({ detail }: CustomEvent<UploadError>) => look(detail);
    uploader.addEventListener('progress', progress);
    uploader.addEventListener('error', error);
    return () => {
      uploader.removeEventListener('progress', progress);
      uploader.removeEventListener('error', error);
      uploader.close();
    };
  };
}

function snapshot(uploader: Uploader, error?: UploadError): UploaderState {
  const { phase, progress, length, batchId } = uploader;
  return { uploader, phase, progress, length, batchId, error };
}
