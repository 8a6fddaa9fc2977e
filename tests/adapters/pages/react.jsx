// A component with the hook, in StrictMode; `app` is what a test looks at.
import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { cloudindex } from 'cloudindex-uploader';
import { useUploader } from 'cloudindex-uploader/react';

const { apiKey } = await (await fetch('page/config.json')).json();
const target = cloudindex({ apiKey, batch: { name: 'React' } });
const app = { renders: 0, uploaders: new Set(), frames: 0, errors: [] };
globalThis.app = app;
addEventListener('error', ({ message }) => app.errors.push(message));
addEventListener('unhandledrejection', ({ reason }) => app.errors.push(String(reason)));

function Upload() {
  const { uploader, phase, progress, length, batchId, error } = useUploader({ target });
  app.renders++;
  app.uploaders.add(uploader);
  app.state = { phase, length, batchId, completed: progress.completed, error: error?.code };
  return (
    <>
      <input id="files" type="file" multiple onChange={({ target }) => uploader.add(target.files)} />
      <progress max="100" value={progress.percent} />
      <output>{phase}: {progress.completed} of {length}</output>
      {error && <p role="alert">{error.message}</p>}
    </>
  );
}

function Page() {
  const [shows, show] = useState(true);
  app.show = show;
  return shows ? <Upload /> : <p id="gone">gone</p>;
}

createRoot(document.querySelector('#app')).render(<StrictMode><Page /></StrictMode>);
