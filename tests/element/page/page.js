// An application's page with nothing but the element. The address gives attributes: ?resume&locale=ar
import './dist/element.js';

addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));

const element = document.querySelector('cloudindex-uploader');
for (const [name, value] of new URLSearchParams(location.search)) element.setAttribute(name, value);
const { apiKey } = await (await fetch('page/config.json')).json();
element.options = { apiKey, baseUrl: '' };
document.body.dataset.ready = 'yes';
