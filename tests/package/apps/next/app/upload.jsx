'use client';
import { cloudindex } from 'cloudindex-uploader';
import { useUploader } from 'cloudindex-uploader/react';

export function Upload({ baseUrl, apiKey }) {
  const { uploader, phase, progress, length, batchId, error } = useUploader({ target: cloudindex({ baseUrl, apiKey }) });
  return (
    <>
      <input id="files" type="file" multiple onChange={({ target }) => uploader.add(target.files)} />
      <output id="state" data-batch={batchId}>{error ? error.message : `${phase}: ${progress.completed} of ${length}`}</output>
    </>
  );
}
