// Who is compared: each has a file in contenders/, whose `upload(files)` runs in the page. Here is what is not the page's.

/** `server`: what it uploads to. `drop`: it is given the folder by a drop. `only`: workloads that it is made for.
 *  `quick`: it is in --quick. `inputs`: it brings its server's page, with these. */
export const CONTENDERS = {
  ours: { title: 'cloudindex-uploader', server: 'cloudindex', quick: true },
  'ours-drop': { title: 'cloudindex-uploader, dropped', server: 'cloudindex', drop: true },
  fetch: { title: 'fetch, one file a request', server: 'receiver', quick: true },
  'fetch-pieces': { title: 'fetch, pieces of 32 MiB', server: 'receiver', only: ['C'] },
  'fetch-formdata': { title: 'fetch, FormData of 100', server: 'receiver', quick: true },
  'uppy-xhr': { title: 'Uppy, XHR', server: 'receiver', quick: true },
  'uppy-bundle': { title: 'Uppy, XHR bundle', server: 'receiver' },
  'uppy-tus': { title: 'Uppy, tus', server: 'receiver' },
  'tus-js-client': { title: 'tus-js-client', server: 'receiver', quick: true },
  dropzone: { title: 'Dropzone', server: 'receiver', quick: true },
  'dropzone-multiple': { title: 'Dropzone, uploadMultiple', server: 'receiver' },
  'react-uploady': { title: 'react-uploady, grouped', server: 'receiver', quick: true },
  upchunk: { title: 'UpChunk', server: 'receiver' },
  copyparty: { title: 'copyparty, up2k', server: 'copyparty', inputs: { files: '#file1', folder: '#dir1' } },
};
