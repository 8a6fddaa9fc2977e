// The element as a component, in StrictMode; `app` is what a test looks at.
import { StrictMode, useRef, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { CloudIndexUploader } from 'cloudindex-uploader/react';

const { apiKey } = await (await fetch('page/config.json')).json();
const options = { apiKey, batch: { name: 'React element' } };
const app = { completed: [], renders: 0 };
globalThis.app = app;

function Page() {
  const element = useRef(null);
  const [label, setLabel] = useState('first');
  const [shows, show] = useState(true);
  Object.assign(app, { setLabel, show, element: () => element.current });
  app.renders++;
  if (!shows) return <p id="gone">gone</p>;
  return (
    <CloudIndexUploader
      ref={element} className="mine" options={options} locale="de" thumbnails={label === 'second'}
      onFileComplete={({ detail }) => app.completed.push(`${label} ${detail.path}`)}
    />
  );
}

createRoot(document.querySelector('#app')).render(<StrictMode><Page /></StrictMode>);
