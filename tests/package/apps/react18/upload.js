// What both sides render; without JSX, so that Node takes it as it is.
import { createElement as h, useMemo } from 'react';
import { cloudindex } from 'cloudindex-uploader';
import { CloudIndexUploader, useUploader } from 'cloudindex-uploader/react';

export function Upload({ apiKey }) {
  const { uploader, phase, progress, length, batchId, error } = useUploader({ target: cloudindex({ apiKey }) });
  return h('div', null,
    h('input', { id: 'files', type: 'file', multiple: true, onChange: ({ target }) => uploader.add(target.files) }),
    h('output', { id: 'state', 'data-batch': batchId }, error ? error.message : `${phase}: ${progress.completed} of ${length}`));
}

export function Element({ apiKey }) {
  const options = useMemo(() => ({ apiKey }), [apiKey]);
  return h(CloudIndexUploader, { options, className: 'mine', thumbnails: true });
}
