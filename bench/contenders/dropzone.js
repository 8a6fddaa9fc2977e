// Dropzone: a form a file, six at a time (its default is two).
import { dropzoneUpload } from './lib/dropzone.js';

export function upload(files) {
  return dropzoneUpload(files, { parallelUploads: 6 });
}
