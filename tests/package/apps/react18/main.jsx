// In the browser: the hook, or with `?element` the element; in StrictMode, and rendered by React 18.
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Element, Upload } from './upload.js';

// In your application: a token from your own server.
const { apiKey } = await (await fetch('/page/config.json')).json();
const Shown = location.search === '?element' ? Element : Upload;

createRoot(document.querySelector('#app')).render(<StrictMode><Shown apiKey={apiKey} /></StrictMode>);
