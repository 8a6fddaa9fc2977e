/** The list with what narrows and orders it. */
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import { icon } from './icons.js';
import type { List } from './list.js';
import { actsOf, row } from './row.js';
import type { Act } from './row.js';
import type { Thumbs } from './thumbs.js';
import type { Filter, Query, SortKey, View } from './view.js';
import type { Watch } from './watch.js';
import type { Words } from './words.js';

const FILTERS: Filter[] = ['all', 'waiting', 'done', 'failed'];
/** What each key does, where it can be done. */
const KEYS: Record<string, Act[]> = { ' ': ['pause', 'resume'], Enter: ['retry', 'resume'], Delete: ['remove'], Backspace: ['remove'] };
const COLUMNS = ['name', 'size', 'state'] as const;

export interface FilesLook {
  watch: Watch;
  view: View;
  list: List;
  /** Undefined: no pictures. */
  thumbs: Thumbs | undefined;
  ask(query: Partial<Query>): void;
  act(act: Act, ids: Uint32Array): void;
}

export function filesPanel(look: FilesLook, words: Words): TemplateResult {
  const { view } = look;
  return html`<div part="files" class="files">
    <div part="toolbar" class="toolbar">
      ${filters(look, words)}
      <label class="search">${icon('search')}<input part="search" type="search" .value=${view.query.search} placeholder=${words.strings.search}
        aria-label=${words.strings.search} autocomplete="off" spellcheck="false"
        @input=${({ target }: Event) => look.ask({ search: (target as HTMLInputElement).value.trim() })}></label>
      ${view.query.search === '' || view.busy ? nothing : html`<span class="quiet">${words.files(view.length)}</span>`}
      ${bulk(look, words)}
    </div>
    ${grid(look, words)}
  </div>`;
}

function filters({ view, ask }: FilesLook, words: Words): TemplateResult {
  const { filter } = words.strings;
  return html`<div part="filters" class="filters" role="radiogroup" aria-label=${filter.label}>${FILTERS.map((name) => html`
    <label><input type="radio" name="filter" value=${name} .checked=${view.query.filter === name} @change=${() => ask({ filter: name })}>
      <span>${filter[name]} <span class="count">${words.count(view.counts[name])}</span></span></label>`)}
  </div>`;
}

/** What can be done to all that is listed; only where the filter says that it can. */
function bulk(look: FilesLook, words: Words): TemplateResult | typeof nothing {
  const { view, watch: { over } } = look;
  const { query: { filter, search }, length, paused } = view;
  const button = ([act, n]: readonly [Act, number]) => html`<button type="button" part="button" class="plain" data-command=${`${act}-shown`}
    @click=${() => look.act(act, view.ids())}>${words.say(words.strings[`${act}Shown`], { n })}</button>`;
  if (length === 0) return nothing;
  if (filter === 'failed' && search !== '') return button(['retry', length]);
  if (filter !== 'waiting' || over) return nothing;
  const steer = ([['pause', length - paused], ['resume', paused]] as const).filter(([, n]) => n > 0);
  // A button that takes another's place takes its focus too: that must never be the one that removes.
  return html`<span class="buttons">${steer.map(button)}${button(['remove', length])}</span>`;
}

/** Why the list is empty. */
export function nothingListed({ search, filter }: Query, { strings }: Words): string {
  return search !== '' ? strings.empty.search : strings.empty[filter];
}

function grid(look: FilesLook, words: Words): TemplateResult {
  const { watch, view, list, thumbs, act } = look;
  const { strings } = words;
  const { length, query } = view;
  const { first, count } = list.window(length);
  const shown = Array.from({ length: Math.max(0, count) }, (_, i) => {
    const place = first + i;
    const file = watch.file(view.at(place));
    return file ? row(file, { place, active: place === list.active, acts: actsOf(file, watch.over), picture: thumbs?.url(file) }, words) : nothing;
  });
  thumbs?.sweep();
  const active = list.active >= first && list.active < first + count ? `row-${list.active}` : nothing;
  const keys = words.say(strings.keys, { arrows: '↑ ↓', enter: 'Enter', delete: 'Delete' });
  return html`<div class="frame">
    <div part="list" class="grid" role="grid" tabindex="0" aria-label=${strings.list} aria-describedby="keys" aria-rowcount=${length + 1} aria-busy=${view.busy ? 'true' : 'false'}
      aria-colcount="4" aria-activedescendant=${active}
      @keydown=${(event: KeyboardEvent) => onKey(event, look)}
      @pointerdown=${(event: Event) => { list.active = placeOf(event) ?? list.active; }}
      @click=${(event: Event) => { const wanted = actAt(event); if (wanted) act(...wanted); }}>
      <div role="rowgroup" class="head"><div role="row" aria-rowindex="1" class="row">
        ${COLUMNS.map((key) => column(key, look, words))}
        <span role="columnheader" class="acts"><span class="hidden">${strings.actions}</span></span>
      </div></div>
      <div role="rowgroup" class="rows"><div role="presentation" class="window">${shown}</div></div>
    </div>
    ${length === 0 ? html`<p class="empty quiet">${nothingListed(query, words)}</p>` : nothing}
    <p id="keys" part="keys" class="keys">${keys}</p>
  </div>`;
}

function column(key: SortKey & keyof Words['strings']['sort'], { view, ask }: FilesLook, { strings }: Words): TemplateResult {
  const { sort, direction } = view.query;
  const now = sort === key ? direction : 'none';
  // Third time: as they were found.
  const next: Partial<Query> = now === 'none' ? { sort: key, direction: 'ascending' } : now === 'ascending' ? { direction: 'descending' } : { sort: 'found', direction: 'ascending' };
  return html`<span role="columnheader" class=${key === 'name' ? 'what' : key} aria-sort=${now}>
    <button type="button" class="sort" data-sort=${key} @click=${() => ask(next)}>${strings.sort[key]}${now === 'none' ? nothing : icon(now)}</button>
  </span>`;
}

function onKey(event: KeyboardEvent, { watch, view, list, act }: FilesLook): void {
  if ((event.target as Element).closest('.head')) return;
  if (list.key(event)) return event.preventDefault();
  const wanted = KEYS[event.key];
  const file = list.active < 0 || event.target !== event.currentTarget ? undefined : watch.file(view.at(list.active));
  if (!file || !wanted) return;
  event.preventDefault(); // Space would scroll.
  const able = event.repeat ? undefined : actsOf(file, watch.over).find((one) => wanted.includes(one));
  if (able) act(able, Uint32Array.of(file.id));
}

function placeOf({ target }: Event): number | undefined {
  const id = (target as Element).closest('[data-id]')?.id;
  return id === undefined ? undefined : Number(id.slice('row-'.length));
}

function actAt({ target }: Event): [Act, Uint32Array] | undefined {
  const act = (target as Element).closest<HTMLElement>('[data-act]')?.dataset.act as Act | undefined;
  const id = (target as Element).closest<HTMLElement>('[data-id]')?.dataset.id;
  return act && id !== undefined ? [act, Uint32Array.of(Number(id))] : undefined;
}
