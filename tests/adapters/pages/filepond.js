// FilePond on this engine; `app` is what a test looks at.
import * as FilePond from 'filepond';
import { cloudindex } from 'cloudindex-uploader';
import { filePondServer } from 'cloudindex-uploader/filepond';
import 'filepond/dist/filepond.min.css';

const { apiKey } = await (await fetch('page/config.json')).json();
const target = cloudindex({ apiKey, batch: { name: 'FilePond' } });

const server = filePondServer({ target, limits: { maxFileSize: '1MB' } });
/** Documents that are deleted; FilePond itself does not wait for that. */
const reverted = [];
const { revert } = server;
server.revert = (id, load, error) => revert(id, () => {
  reverted.push(id);
  load();
}, error);

document.querySelector('#app').innerHTML = '<input type="file" multiple>';
const pond = FilePond.create(document.querySelector('input'), {
  server,
  instantUpload: false,
  maxParallelUploads: 100,
});

/** What FilePond told: per event, the names of its files; and the highest progress of each file. */
const told = { processfilestart: [], processfileabort: [], processfilerevert: [], processfile: [], error: [] };
const progress = {};
pond.on('processfilestart', (file) => told.processfilestart.push(file.filename));
pond.on('processfileabort', (file) => told.processfileabort.push(file.filename));
pond.on('processfilerevert', (file) => told.processfilerevert.push(file.filename));
pond.on('processfile', (error, file) => { if (!error) told.processfile.push(file.filename); });
pond.on('error', (error, file) => told.error.push([file.filename, error.body]));
pond.on('processfileprogress', (file, part) => (progress[file.filename] ??= []).push(part));

globalThis.app = { pond, told, progress, reverted };
