// Dropzone's uploadMultiple: forms of 100 files.
import { dropzoneUpload } from './lib/dropzone.js';

export function upload(files) {
  return dropzoneUpload(files, { uploadMultiple: true, parallelUploads: 100 });
}
