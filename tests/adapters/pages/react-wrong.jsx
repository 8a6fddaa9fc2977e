// The hook with an option that is wrong.
import { createRoot } from 'react-dom/client';
import { cloudindex } from 'cloudindex-uploader';
import { useUploader } from 'cloudindex-uploader/react';

function Upload() {
  const { uploader, error } = useUploader({ target: cloudindex({ apiKey: 'any' }), concurency: 5 });
  return (
    <>
      <input id="files" type="file" onChange={({ target }) => uploader.add(target.files)} />
      {error && <p role="alert">{error.code}: {error.message}</p>}
    </>
  );
}

createRoot(document.querySelector('#app')).render(<Upload />);
globalThis.app = {};
