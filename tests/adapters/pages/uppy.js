// Uppy's Dashboard on this engine; `app` is what a test looks at.
import Uppy from '@uppy/core';
import Dashboard from '@uppy/dashboard';
import { cloudindex } from 'cloudindex-uploader';
import { CloudIndexPlugin } from 'cloudindex-uploader/uppy';
import '@uppy/core/css/style.min.css';
import '@uppy/dashboard/css/style.min.css';

const { apiKey } = await (await fetch('page/config.json')).json();
const options = JSON.parse(new URLSearchParams(location.search).get('options') ?? '{}');

const uppy = new Uppy({ restrictions: { maxFileSize: 200_000_000 }, logger: { debug() {}, warn() {}, error() {} } })
  .use(Dashboard, { inline: true, target: '#app', height: 500 })
  .use(CloudIndexPlugin, { target: cloudindex({ apiKey, batch: { name: 'Uppy' } }), ...options });

/** What Uppy told: per event, the names of its files. */
const told = { 'upload-start': [], 'upload-success': [], 'upload-error': [], 'restriction-failed': [], 'file-removed': [] };
for (const event of Object.keys(told)) {
  uppy.on(event, (files, response) => {
    for (const file of [files].flat()) told[event].push(file.meta.name);
    if (event === 'upload-success') app.documents[files.meta.name] = response.body;
    if (event === 'upload-error') app.errors.push({ name: files.meta.name, code: response.code, message: response.message });
  });
}
/** Per file, the bytes that upload-progress told, in order. */
const progress = {};
uppy.on('upload-progress', (file, { bytesUploaded }) => (progress[file.meta.name] ??= []).push(bytesUploaded));
const stalled = [];
uppy.on('upload-stalled', (error, files) => stalled.push({ message: error.message, names: files.map(({ meta }) => meta.name) }));
const results = [];
uppy.on('complete', ({ successful, failed }) => results.push([successful.length, failed.length]));

/** What the Dashboard shows of a file. */
const item = (name) => document.getElementById(`uppy_${uppy.getFiles().find(({ meta }) => meta.name === name)?.id}`);

const app = { uppy, item, told, progress, stalled, results, errors: [], documents: {} };
globalThis.app = app;
