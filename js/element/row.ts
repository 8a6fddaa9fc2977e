/** One file in the list. */
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import { icon } from './icons.js';
import type { ShownFile } from './watch.js';
import type { Words } from './words.js';

/** What can be done to files: as the uploader calls it. */
export type Act = 'pause' | 'resume' | 'retry' | 'remove';

/** What can be done to one file now. */
export function actsOf({ status, error }: ShownFile, over: boolean): Act[] {
  if (status === 'failed' || (status === 'unprocessed' && error?.retryable)) return ['retry'];
  if (over) return [];
  if (status === 'paused') return ['resume', 'remove'];
  return status === 'waiting' || status === 'reading' || status === 'sending' ? ['pause', 'remove'] : [];
}

export interface RowLook {
  /** Its place in the list. */
  place: number;
  active: boolean;
  acts: Act[];
  /** Address of its picture. */
  picture: string | undefined;
}

export function row(file: ShownFile, { place, active, acts, picture }: RowLook, words: Words): TemplateResult {
  const { strings } = words;
  const { id, name, path, status, percent, error } = file;
  const { why, fix } = error ? words.reason(error) : { why: '', fix: '' };
  const folder = path.slice(0, Math.max(0, path.length - name.length - 1));
  const below = `${why} ${fix}`.trim() || folder;
  const kind = /\.(\w{1,4})$/.exec(name)?.[1]?.toUpperCase();
  const moves = status === 'sending' || status === 'reading' || (status === 'paused' && percent > 0);
  return html`<div role="row" part="row" class="row" id="row-${place}" aria-rowindex=${place + 2} data-id=${id} data-status=${status} data-active=${active ? 'yes' : 'no'} data-lines=${why ? 'reason' : 'folder'}>
    <div role="gridcell" class="what">
      <span class="picture" aria-hidden="true">${picture ? html`<img src=${picture} alt="" decoding="async">` : kind ? html`<span class="kind">${kind}</span>` : icon('file')}</span>
      <span class="names">
        <span class="name" title=${path}><bdi>${name}</bdi></span>
        ${below ? html`<span class=${why ? 'why' : 'folder'} title=${why && error ? error.message : below}>${why ? below : html`<bdi>${below}</bdi>`}</span>` : nothing}
      </span>
    </div>
    <div role="gridcell" class="size">${file.size === undefined ? '' : words.size(file.size)}</div>
    <div role="gridcell" class="state">
      ${status === 'committed' || status === 'duplicate' ? icon('done') : status === 'paused' ? icon('pause') : error ? icon('failed') : nothing}
      <span class="status">${status === 'sending' && percent > 0 ? words.percent(percent) : strings.status[status]}</span>
      ${moves ? html`<svg class="track" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect width=${percent} height="1"></rect></svg>` : nothing}
    </div>
    <div role="gridcell" class="acts">
      ${acts.map((act) => html`<button part="row-button" type="button" tabindex="-1" data-act=${act} title=${strings[act]}
        aria-label=${words.say(strings[`${act}Named`], { name })}>${icon(act)}</button>`)}
    </div>
  </div>`;
}
