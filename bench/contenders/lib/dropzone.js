// What Dropzone's two contenders share: no previews, no limits, no timeout.
import Dropzone from 'dropzone';

export function dropzoneUpload(files, options) {
  const zone = new Dropzone(document.createElement('div'), { url: '/form', disablePreviews: true, maxFilesize: null, timeout: 0, ...options });
  return new Promise((resolve, reject) => {
    zone.on('error', (file, message) => reject(new Error(`${file.name}: ${message}`)));
    zone.on('queuecomplete', () => {
      if (zone.getAcceptedFiles().length === files.length) resolve(files.length);
    });
    for (const file of files) zone.addFile(file);
  });
}
