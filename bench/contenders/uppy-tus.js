// Uppy with Tus, as it comes: up to 20 at a time.
import Tus from '@uppy/tus';
import { uppyUpload } from './lib/uppy.js';

export function upload(files) {
  return uppyUpload(files, (uppy) => uppy.use(Tus, { endpoint: '/tus' }));
}
