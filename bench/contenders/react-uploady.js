// react-uploady, grouped: forms of 100 files, three at a time.
import Uploady, { useBatchErrorListener, useBatchFinishListener, useUploady } from '@rpldy/uploady';
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';

let uploady;
let settle = {};
const root = document.createElement('div');

function Hands() {
  uploady = useUploady();
  useBatchFinishListener((batch) => {
    const failed = batch.items.filter(({ state }) => state !== 'finished');
    if (failed.length > 0) settle.reject(new Error(`${failed.length} failed`));
    else settle.resolve(batch.items.length);
  });
  useBatchErrorListener(() => settle.reject(new Error('the batch failed')));
  return null;
}

createRoot(root).render(createElement(
  Uploady,
  { destination: { url: '/form' }, grouped: true, maxGroupSize: 100, concurrent: true, maxConcurrent: 3 },
  createElement(Hands),
));

export function upload(files) {
  return new Promise((resolve, reject) => {
    settle = { resolve, reject };
    uploady.upload(files);
  });
}
