// Uppy with XHRUpload: a form a file, six at a time (its default is five).
import XHRUpload from '@uppy/xhr-upload';
import { uppyUpload } from './lib/uppy.js';

export function upload(files) {
  return uppyUpload(files, (uppy) => uppy.use(XHRUpload, { endpoint: '/form', limit: 6 }));
}
