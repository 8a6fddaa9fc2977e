import { broken, said } from './errors.js';

/** What comes after an upload is loaded when it is first asked for: who only uploads never loads it. */
export const after = () => import('./after/index.js').catch((cause: unknown) => {
  const fix = 'Serve it with the package; a page that is older than what is served now must be loaded again.';
  throw broken('module_unavailable', `The module after.js can't be loaded: ${said(cause)}. ${fix}`, cause);
});
