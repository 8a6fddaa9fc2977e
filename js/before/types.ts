/** The types of what can be known before an upload. */
import type { UploadError } from '../errors.js';

export interface Plan<F> {
  /** No empty batch, none over a limit; in the order of the files. */
  batches: F[][];
  /** Files that alone are over the limit. */
  rejected: F[];
}

/** A file that an upload would refuse. */
export interface Refused {
  file: File;
  path: string;
  error: UploadError;
}
