// @mux/upchunk: pieces of 30 MiB (its default) one after the other, six files at a time.
import { createUpload } from '@mux/upchunk';
import { pool } from './lib/requests.js';

let number = 0;

export function upload(files) {
  return pool(files, 6, (file) => new Promise((resolve, reject) => {
    const upload = createUpload({ endpoint: `/chunks/${number++}/${encodeURIComponent(file.name)}`, file });
    upload.on('success', resolve);
    upload.on('error', ({ detail }) => reject(new Error(detail.message)));
  }));
}
