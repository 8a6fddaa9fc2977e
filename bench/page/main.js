// The application around a contender: an input, and the whole page to drop on.
import { upload } from 'contender';

document.body.innerHTML = '<input id="files" type="file" multiple><input id="folder" type="file" webkitdirectory>';
const start = (files) => upload(files).then((arrived) => window.bench.end(arrived), (error) => window.bench.end(undefined, String(error?.stack ?? error)));

document.addEventListener('change', ({ target }) => start(target.files));
document.addEventListener('dragover', (event) => event.preventDefault());
document.addEventListener('drop', (event) => {
  event.preventDefault();
  start(event.dataTransfer);
});
