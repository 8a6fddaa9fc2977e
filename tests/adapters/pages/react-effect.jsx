// A component that uploads what it is given as soon as it is there, in StrictMode, and whose options are new with each render.
import { StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { cloudindex } from 'cloudindex-uploader';
import { useUploader } from 'cloudindex-uploader/react';

const { apiKey } = await (await fetch('page/config.json')).json();
const app = { uploaders: new Set(), asked: 0, errors: [], files: [new File(['a'], 'a.txt'), new File(['b'], 'b.txt')] };
globalThis.app = app;
addEventListener('error', ({ message }) => app.errors.push(message));
addEventListener('unhandledrejection', ({ reason }) => app.errors.push(String(reason)));

function Upload({ files }) {
  const [name, setName] = useState('first');
  const { uploader, phase, length, batchId } = useUploader({ target: cloudindex({ apiKey, batch: { name } }), concurrency: name.length });
  app.setName = setName;
  app.uploaders.add(uploader);
  app.state = { phase, length, batchId, name };
  useEffect(() => {
    app.asked++;
    void uploader.add(files);
  }, [uploader, files]);
  return <output>{phase}</output>;
}

createRoot(document.querySelector('#app')).render(<StrictMode><Upload files={app.files} /></StrictMode>);
