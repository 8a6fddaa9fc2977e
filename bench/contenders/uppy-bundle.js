// Uppy with XHRUpload's `bundle`: one form for all files. Its timeout of 30 s without progress is off.
import XHRUpload from '@uppy/xhr-upload';
import { uppyUpload } from './lib/uppy.js';

export function upload(files) {
  return uppyUpload(files, (uppy) => uppy.use(XHRUpload, { endpoint: '/form', bundle: true, timeout: 0 }));
}
