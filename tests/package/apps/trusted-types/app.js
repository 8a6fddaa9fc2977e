// Files chosen by the user go to the index; the page says how it stands.
import { Uploader, cloudindex } from 'cloudindex-uploader';
import address from './upload-worker.js?worker&url';

// The application's own policy: it lets one address through, and no other.
const policy = globalThis.trustedTypes?.createPolicy('upload-worker', {
  createScriptURL(url) {
    if (url !== address) throw new TypeError(`${url} is no worker of ours`);
    return url;
  },
});

const state = document.querySelector('#state');

async function main() {
  // In your application: a token from your own server.
  const { apiKey } = await (await fetch('/page/config.json')).json();
  const workerUrl = () => new Worker(policy ? policy.createScriptURL(address) : address, { type: 'module' });
  const uploader = new Uploader({ target: cloudindex({ apiKey, workerUrl }) });
  uploader.addEventListener('progress', ({ detail }) => {
    state.textContent = `${uploader.phase}: ${detail.completed} of ${detail.total}`;
    state.dataset.batch = uploader.batchId ?? '';
  });
  uploader.addEventListener('error', ({ detail }) => { state.textContent = detail.message; });
  document.querySelector('#files').addEventListener('change', ({ target }) => uploader.add(target.files));
  state.textContent = 'ready';
}

main();
