// On a server: what React 18 makes of both.
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { Element, Upload } from './upload.js';

console.log(JSON.stringify([Upload, Element].map((Shown) => renderToString(createElement(Shown, { apiKey: 'key' })))));
