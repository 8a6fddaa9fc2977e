import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { cloudindex } from 'cloudindex-uploader';
import { useUploader } from 'cloudindex-uploader/react';

// In your application: a token from your own server.
const { apiKey } = await (await fetch('/page/config.json')).json();

function Upload() {
  const { uploader, phase, progress, length, batchId, error } = useUploader({ target: cloudindex({ apiKey }) });
  const files = Array.from({ length: Math.min(length, 100) }, (_, id) => uploader.file(id));
  return (
    <>
      <input id="files" type="file" multiple onChange={({ target }) => uploader.add(target.files)} />
      <button onClick={() => (phase === 'paused' ? uploader.resume() : uploader.pause())}>{phase === 'paused' ? 'Go on' : 'Pause'}</button>
      <progress max="100" value={progress.percent} />
      <output id="state" data-batch={batchId}>{phase}: {progress.completed} of {length}</output>
      {error && <p role="alert">{error.message}</p>}
      <ul>{files.map(({ id, path, status, percent }) => <li key={id}>{path}: {status} {percent} %</li>)}</ul>
    </>
  );
}

createRoot(document.querySelector('#app')).render(<StrictMode><Upload /></StrictMode>);
