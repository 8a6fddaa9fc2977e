/** Where things are on the server. */
import { invalid } from './errors.js';

/** A batch's or a document's path. */
export function path(of: 'batches' | 'documents', id: string): string {
  if (typeof id !== 'string' || id === '') throw invalid('invalid_option', `An id of ${of} must be a string that is not empty.`);
  return `/v1/${of}/${encodeURIComponent(id)}`;
}
