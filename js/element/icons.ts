/** Small pictures, drawn on 24 by 24 and coloured by the text around them. */
import { html, svg } from 'lit';
import type { TemplateResult } from 'lit';

const PATHS = {
  upload: 'M12 16V5m0 0L7.5 9.5M12 5l4.5 4.5M4 16v2a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-2',
  file: 'M13 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V9zm0 0v6h6',
  done: 'm5 12.5 4.5 4.5L19 7.5',
  failed: 'M12 7v6m0 3.5v.01M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z',
  pause: 'M9 6v12m6-12v12',
  resume: 'm8 5.5 10 6.5-10 6.5z',
  retry: 'M20 5v5h-5M19.5 10A8 8 0 1 0 20 14',
  remove: 'm6 6 12 12M18 6 6 18',
  search: 'm20 20-4.5-4.5M11 17a6 6 0 1 0 0-12 6 6 0 0 0 0 12z',
  ascending: 'm6 14 6-6 6 6',
  descending: 'm6 10 6 6 6-6',
};

export type Icon = keyof typeof PATHS;

export function icon(name: Icon): TemplateResult {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${svg`<path d=${PATHS[name]}></path>`}</svg>`;
}
