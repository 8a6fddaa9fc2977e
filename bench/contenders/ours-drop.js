// The same by a drop: `files` is the DataTransfer of a dropped folder.
export { upload } from './ours.js';
