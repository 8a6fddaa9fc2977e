// Uppy whose uploads outlive the page: Golden Retriever keeps files and state, the plugin goes on with what had not arrived.
import Uppy from '@uppy/core';
import GoldenRetriever from '@uppy/golden-retriever';
import { cloudindex } from 'cloudindex-uploader';
import { CloudIndexPlugin } from 'cloudindex-uploader/uppy';

// In your application: a token from your own server.
const { apiKey } = await (await fetch('/page/config.json')).json();
const uppy = new Uppy().use(CloudIndexPlugin, { target: cloudindex({ apiKey }) });
/** What Uppy told of each file since this page began. */
const told = [];
for (const event of ['upload-start', 'upload-success', 'upload-error']) {
  uppy.on(event, (files) => told.push(...[files].flat().map(({ name }) => `${event} ${name}`)));
}
uppy.on('restored', () => { app.restored = true; });

const app = { uppy, told, restored: false };
globalThis.app = app;
uppy.use(GoldenRetriever);
document.querySelector('#state').textContent = 'ready';
