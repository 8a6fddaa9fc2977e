// Where there is no window: every entry can be imported, a client can be made, options can be checked with the wasm at hand.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { CloudIndex, Uploader, checkOptions, cloudindex } from 'cloudindex-uploader';
import { TAG } from 'cloudindex-uploader/element';
import { filePondServer } from 'cloudindex-uploader/filepond';
import { useUploader } from 'cloudindex-uploader/react';
import { CloudIndexPlugin } from 'cloudindex-uploader/uppy';

const target = cloudindex({ apiKey: 'key', baseUrl: 'http://localhost' });
new CloudIndex({ apiKey: 'key' });
new Uploader({ target }).close();
filePondServer({ target });

const wasmUrl = await readFile(fileURLToPath(import.meta.resolve('cloudindex-uploader/cloudindex_uploader_bg.wasm')));
const wrong = await checkOptions({ concurency: 5 }, { wasmUrl });
console.log(JSON.stringify({ imported: [TAG, typeof useUploader, typeof CloudIndexPlugin], wrong: wrong?.code }));
