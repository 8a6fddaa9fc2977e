'use client';
/** For React: an uploader's state as a hook, and the element as a component. */
export { useUploader } from './use-uploader.js';
export type { UploaderState } from './use-uploader.js';
export { CloudIndexUploader } from './react-element.js';
export type { CloudIndexUploaderEvents, CloudIndexUploaderProps } from './react-element.js';
