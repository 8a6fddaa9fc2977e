import 'cloudindex-uploader/element';

const uploader = document.querySelector('cloudindex-uploader');
// In your application: a token from your own server.
uploader.options = { getToken: async () => (await (await fetch('/page/config.json')).json()).apiKey };
uploader.addEventListener('complete', ({ detail }) => console.log(`${detail.progress.completed} files arrived`));
