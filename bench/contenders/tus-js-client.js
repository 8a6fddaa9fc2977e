// tus-js-client as its documentation shows it (a creation, then one PATCH a file), six files at a time.
import { Upload } from 'tus-js-client';
import { pool } from './lib/requests.js';

export function upload(files) {
  return pool(files, 6, (file) => new Promise((onSuccess, onError) => {
    new Upload(file, { endpoint: '/tus', metadata: { filename: file.name, filetype: file.type }, onSuccess, onError }).start();
  }));
}
