// The same types with those of React 18: compiled, never run.
import { createElement, createRef } from 'react';
import { cloudindex } from 'cloudindex-uploader';
import type { CloudindexUploader } from 'cloudindex-uploader/element';
import { CloudIndexUploader, useUploader } from 'cloudindex-uploader/react';

export function Component() {
  const { uploader, progress } = useUploader({ target: cloudindex() });
  uploader.pause();
  const percent: number = progress.percent;
  const ref = createRef<CloudindexUploader>();
  // @ts-expect-error a property that the element does not have
  createElement(CloudIndexUploader, { thumbnail: true });
  return createElement(CloudIndexUploader, { ref, options: { apiKey: 'key' }, title: `${percent}`, onComplete: ({ detail }) => detail.results.length });
}
