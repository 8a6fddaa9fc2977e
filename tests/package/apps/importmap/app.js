// Files chosen by the user go to the index; the page says how it stands.
import { CloudIndex, Uploader, cloudindex } from 'cloudindex-uploader';

const state = document.querySelector('#state');

async function main() {
  // In your application: a token from your own server.
  const { apiKey } = await (await fetch('/page/config.json')).json();
  const uploader = new Uploader({ target: cloudindex({ apiKey }) });
  uploader.addEventListener('progress', ({ detail }) => {
    state.textContent = `${uploader.phase}: ${detail.completed} of ${detail.total}`;
    state.dataset.batch = uploader.batchId ?? '';
  });
  uploader.addEventListener('error', ({ detail }) => { state.textContent = detail.message; });
  document.querySelector('#files').addEventListener('change', ({ target }) => uploader.add(target.files));
  // Another module of the package, loaded when this asks for it.
  state.addEventListener('click', async () => {
    const errors = await new CloudIndex({ apiKey }).batches.getErrors(uploader.batchId);
    state.dataset.errors = errors.length;
  });
  state.textContent = 'ready';
}

main();
