// First in the page and in each of its workers: keeps what goes wrong there where it outlives a reload. Not every browser
// prints all of it where a driver can read it.
(() => {
  const page = globalThis.document !== undefined;
  const channel = new BroadcastChannel('ears');
  const keep = (key, what) => sessionStorage.setItem(key, JSON.stringify([...JSON.parse(sessionStorage.getItem(key) ?? '[]'), what]));
  const tell = (what) => (page ? keep('errors', `page: ${what}`) : channel.postMessage({ error: `worker: ${what}` }));
  // Firefox's stacks have no message.
  const text = (what) => (what?.stack ? `${what} ${what.stack}` : String(what));
  if (page) channel.onmessage = ({ data }) => (data.error ? keep('errors', data.error) : keep('workers', data.worker));
  else channel.postMessage({ worker: location.pathname });
  for (const level of ['error', 'warn']) {
    const say = console[level];
    console[level] = (...words) => {
      say.apply(console, words);
      tell(words.map(text).join(' '));
    };
  }
  addEventListener('error', ({ message, error, target }) => tell(error ? text(error) : message ?? `${target.tagName} did not load`), true);
  addEventListener('unhandledrejection', ({ reason }) => tell(text(reason)));
  if (page) addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => tell(`policy: ${violatedDirective} ${blockedURI}`));
})();
