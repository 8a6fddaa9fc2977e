/** How it looks. Every colour is a variable that a page may set; `color-scheme` on the element decides between light and dark. */
import { css } from 'lit';

export const style = css`
:host {
  --back: var(--cloudindex-back, light-dark(#fff, #1b1f26));
  --raised: var(--cloudindex-raised, light-dark(#f6f7f9, #232830));
  --line: var(--cloudindex-line, light-dark(#e1e4ea, #333a45));
  --edge: var(--cloudindex-edge, light-dark(#8790a0, #6f7989));
  --text: var(--cloudindex-text, light-dark(#1b1f27, #e8eaee));
  --quiet: var(--cloudindex-quiet, light-dark(#5a6270, #a4adbb));
  --accent: var(--cloudindex-accent, light-dark(#2457d6, #86a8ff));
  --on-accent: var(--cloudindex-on-accent, light-dark(#fff, #10182b));
  --good: var(--cloudindex-good, light-dark(#18713c, #79d097));
  --warn: var(--cloudindex-warn, light-dark(#7a4b00, #ffcf7a));
  --bad: var(--cloudindex-bad, light-dark(#b3261e, #ff9a91));
  --radius: var(--cloudindex-radius, 12px);
  color-scheme: light dark;
  display: flex;
  flex-direction: column;
  min-block-size: 0;
  container-type: inline-size;
  color: var(--text);
  font: var(--cloudindex-font, 15px/1.45 system-ui, sans-serif);
}
:host([hidden]), [hidden] { display: none !important; }

* { box-sizing: border-box; margin: 0; padding: 0; }
ul { list-style: none; }

.base {
  position: relative;
  flex: 1;
  display: flex;
  flex-direction: column;
  min-block-size: 0;
  overflow: hidden;
  border: 1px solid var(--line);
  border-radius: var(--radius);
  background: var(--back);
}
.hidden { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.quiet { color: var(--quiet); font-size: .93em; }
.icon { flex: none; inline-size: 1.2em; block-size: 1.2em; fill: none; stroke: currentColor; stroke-width: 1.9; stroke-linecap: round; stroke-linejoin: round; }

.buttons { display: flex; flex-wrap: wrap; gap: 8px; }
button {
  display: inline-flex; align-items: center; justify-content: center; gap: 6px;
  min-block-size: 36px; padding: 4px 14px;
  border: 1px solid var(--line); border-radius: calc(var(--radius) * .66);
  color: inherit; background: var(--back); font: inherit; font-weight: 500; cursor: pointer;
}
button:hover { border-color: var(--edge); background: var(--raised); }
button.main { border-color: var(--accent); color: var(--on-accent); background: var(--accent); }
button.main:hover { background: color-mix(in srgb, var(--accent) 88%, var(--text)); }
button.bad { border-color: var(--bad); color: var(--bad); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }

.drop { flex: 1; display: grid; justify-items: center; align-content: center; gap: 6px; margin: 12px; padding: 36px 16px; border: 1.5px dashed color-mix(in srgb, var(--edge) 60%, transparent); border-radius: calc(var(--radius) * .66); text-align: center; }
.drop .buttons { justify-content: center; margin-block-start: 14px; }
.badge { display: grid; place-items: center; inline-size: 52px; block-size: 52px; margin-block-end: 8px; border-radius: 50%; color: var(--accent); background: color-mix(in srgb, var(--accent) 12%, transparent); font-size: 22px; }
.lead { font-size: 1.2em; font-weight: 600; text-wrap: balance; }

.left { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 12px 20px; padding: 16px 20px; border-block-end: 1px solid var(--line); background: color-mix(in srgb, var(--accent) 7%, transparent); }
.left > div { flex: 1 1 280px; }
.left p:first-child { font-weight: 600; }
.left .quiet { color: var(--text); font-weight: 400; }
.left[inert] { opacity: .6; }

.total { padding: 18px 20px 14px; }
.headline { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 8px 16px; min-block-size: 40px; }
.figure { display: flex; align-items: baseline; gap: 10px; min-inline-size: 0; }
.percent { font-size: 1.75em; font-weight: 650; line-height: 1.1; font-variant-numeric: tabular-nums; letter-spacing: -.01em; }
.phase { color: var(--quiet); }
.bar { --fill: var(--accent); block-size: 8px; margin-block: 14px 10px; overflow: hidden; border-radius: 4px; background: color-mix(in srgb, var(--edge) 26%, transparent); }
.bar svg { display: block; inline-size: 100%; block-size: 100%; }
.bar rect { fill: var(--fill); transition: width .2s linear; }
/* All of it has arrived; what is filled is processed. */
[data-phase=following] .bar { background: color-mix(in srgb, var(--accent) 24%, transparent); }
[data-tone=good] .bar { --fill: var(--good); }
[data-tone=bad] .bar { --fill: var(--bad); }
.bar .lost { fill: var(--bad); }
[data-tone=rest] .bar { --fill: var(--edge); }
[dir=rtl] .bar svg, [dir=rtl] .track, [dir=rtl] .chart { transform: scaleX(-1); }
.facts { display: flex; align-items: center; justify-content: space-between; gap: 20px; min-block-size: 32px; color: var(--quiet); font-size: .93em; font-variant-numeric: tabular-nums; }
.facts ul { display: flex; flex-wrap: wrap; gap: 2px 18px; }
.facts .bad { color: var(--bad); font-weight: 600; }
.chart { flex: none; inline-size: 150px; block-size: 32px; overflow: visible; }
.chart polygon { fill: color-mix(in srgb, var(--accent) 14%, transparent); }
.chart polyline { fill: none; stroke: var(--accent); stroke-width: 1.5; stroke-linejoin: round; }

.notice { --tone: var(--warn); display: flex; gap: 10px; margin: 0 20px 16px; padding: 9px 12px; border-radius: calc(var(--radius) * .66); color: var(--tone); background: color-mix(in srgb, var(--tone) 9%, transparent); }
.notice .icon { margin-block-start: .12em; }
.notice[data-kind=good] { --tone: var(--good); }
.notice[data-kind=bad] { --tone: var(--bad); }
.notice ul { margin-block-start: 4px; color: var(--text); font-size: .93em; }
.notice li + li { margin-block-start: 2px; }
.drop + .notice { margin-inline: 12px; }

.files { flex: 1; display: flex; flex-direction: column; min-block-size: 0; border-block-start: 1px solid var(--line); }
.toolbar { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 12px; padding: 12px 20px; }
.filters { display: flex; gap: 2px; padding: 3px; border-radius: calc(var(--radius) * .75); background: color-mix(in srgb, var(--edge) 16%, transparent); }
.filters label { position: relative; cursor: pointer; }
.filters input { position: absolute; inset: 0; opacity: 0; cursor: pointer; }
.filters span { white-space: nowrap; }
.filters label > span { display: block; padding: 4px 11px; border-radius: calc(var(--radius) * .55); font-size: .93em; }
.filters :checked + span { background: var(--back); box-shadow: 0 1px 2px rgb(0 0 0 / .16); font-weight: 600; }
.filters :focus-visible + span { outline: 2px solid var(--accent); outline-offset: 1px; }
.count { opacity: .85; font-weight: 400; font-variant-numeric: tabular-nums; }
.search { flex: 1 1 180px; position: relative; display: flex; align-items: center; }
.search .icon { position: absolute; inset-inline-start: 10px; color: var(--quiet); pointer-events: none; }
.search input { inline-size: 100%; min-block-size: 36px; padding: 4px 10px; padding-inline-start: 34px; border: 1px solid var(--edge); border-radius: calc(var(--radius) * .66); color: inherit; background: var(--back); font: inherit; text-overflow: ellipsis; }
.search input::placeholder { color: var(--quiet); opacity: 1; }

.frame { flex: 1 1 var(--cloudindex-list-height, 348px); position: relative; display: flex; min-block-size: 160px; border-block-start: 1px solid var(--line); }
.grid { flex: 1; position: relative; min-inline-size: 0; overflow: hidden auto; overscroll-behavior: contain; contain: strict; scrollbar-width: thin; }
.grid:focus-visible { outline: none; }
.frame:has(.grid:focus-visible)::after { content: ''; position: absolute; inset: 0; z-index: 2; border: 2px solid var(--accent); pointer-events: none; }
.row { display: grid; grid-template-columns: minmax(0, 1fr) 88px 132px 64px; align-items: center; gap: 22px; position: relative; block-size: 52px; padding-inline: 20px; border-block-end: 1px solid var(--line); font-size: .93em; }
.head { position: sticky; inset-block-start: 0; z-index: 1; background: var(--raised); color: var(--quiet); }
.head .row { block-size: 36px; font-size: .87em; }
.sort { min-block-size: 28px; margin-inline: -8px; padding: 0 8px; border-color: transparent; background: none; font-weight: 500; }
.head .size .sort { float: inline-end; }
.rows { position: relative; contain: strict; }
.window { will-change: transform; }
.what { display: flex; align-items: center; gap: 12px; min-inline-size: 0; }
.picture { flex: none; display: grid; place-items: center; inline-size: 34px; block-size: 34px; overflow: hidden; border-radius: calc(var(--radius) * .5); color: var(--quiet); background: var(--raised); font-size: 15px; }
.picture img { inline-size: 100%; block-size: 100%; object-fit: cover; }
.names { display: grid; min-inline-size: 0; line-height: 1.3; }
.names > * { overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
.folder, .why { font-size: .88em; color: var(--quiet); }
.why { position: absolute; inset-inline: 66px 74px; inset-block-end: 8px; color: var(--bad); }
[data-lines=reason] > :not(.acts) { align-self: start; margin-block-start: 8px; line-height: 1.3; }
[data-lines=reason] .picture { margin-block-end: -16px; }
.kind { font-size: 9px; font-weight: 650; letter-spacing: .02em; }
.size { color: var(--quiet); text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
.state { position: relative; display: flex; align-items: center; gap: 6px; min-inline-size: 0; white-space: nowrap; font-variant-numeric: tabular-nums; }
.status { overflow: hidden; text-overflow: ellipsis; }
.track { position: absolute; inset-inline: 0; inset-block-end: -7px; inline-size: 100%; block-size: 3px; border-radius: 2px; background: color-mix(in srgb, var(--edge) 30%, transparent); }
.track rect { fill: var(--accent); }
[data-status=paused] .track rect { fill: var(--edge); }
[data-status=waiting] .state, [data-status=paused] .state, [data-status=cancelled] .state { color: var(--quiet); }
[data-status=committed] .state, [data-status=duplicate] .state { color: var(--good); }
[data-status=failed] .state, [data-status=rejected] .state, [data-status=unprocessed] .state { color: var(--bad); }
[data-status=cancelled] .name { color: var(--quiet); text-decoration: line-through; }
.acts { justify-self: end; display: flex; }
.acts button { min-block-size: 32px; inline-size: 32px; padding: 0; border-color: transparent; background: none; color: var(--quiet); }
.acts button:hover { border-color: var(--line); background: var(--raised); color: var(--text); }
.rows .row:hover { background: color-mix(in srgb, var(--edge) 7%, transparent); }
.grid:focus-visible [data-active=yes] { background: color-mix(in srgb, var(--accent) 12%, transparent); box-shadow: inset 3px 0 var(--accent); }
[dir=rtl] .grid:focus-visible [data-active=yes] { box-shadow: inset -3px 0 var(--accent); }
.empty { position: absolute; inset: 60px 20px auto; text-align: center; }
.keys { position: absolute; inset: auto 0 10px; inline-size: fit-content; max-inline-size: calc(100% - 28px); margin-inline: auto; padding: 4px 12px; border-radius: var(--radius); color: var(--back); background: var(--text); font-size: .8em; visibility: hidden; pointer-events: none; }
.grid:focus-visible:not([aria-activedescendant]) ~ .keys { visibility: visible; }

.footer { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 8px; padding: 12px 20px; border-block-start: 1px solid var(--line); }

.overlay { position: absolute; inset: 0; z-index: 2; display: grid; place-content: center; justify-items: center; gap: 8px; visibility: hidden; border: 2px dashed var(--accent); border-radius: inherit; color: var(--accent); background: color-mix(in srgb, var(--back) 92%, var(--accent)); font-size: 1.2em; font-weight: 600; pointer-events: none; opacity: 0; transition: opacity .12s; }
.overlay .icon { font-size: 28px; }
[data-drag=over] .overlay { visibility: visible; opacity: 1; }

@container (max-width: 720px) {
  .why { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; inset-block: 23px auto; white-space: normal; line-height: 1.15; }
  [data-lines=reason] > :not(.acts) { margin-block-start: 4px; }
}
@container (max-width: 560px) {
  .total, .toolbar, .left, .footer { padding-inline: 14px; }
  .notice { margin-inline: 14px; }
  .headline .buttons, .left .buttons, .toolbar .buttons { inline-size: 100%; }
  .headline button, .left button, .toolbar button, .footer button { flex: 1 1 auto; }
  .footer .buttons { inline-size: 100%; }
  .chart { display: none; }
  .filters { inline-size: 100%; }
  .filters label { flex: 1 1 auto; text-align: center; }
  .filters label > span { padding-inline: 4px; }
  .row { grid-template-columns: minmax(0, 1fr) 96px 56px; gap: 8px; padding-inline: 14px; }
  .what { gap: 8px; }
  .acts button { inline-size: 28px; }
  .state { gap: 4px; }
  .status { overflow: visible; white-space: normal; line-height: 1.2; }
  .why { inset-inline: 14px 46px; }
  [data-lines=reason] .picture { block-size: 18px; margin: 0; }
  [data-status=rejected] .why { inset-inline-end: 14px; }
  [data-status=unprocessed] .state .icon { display: none; }
  [data-status=unprocessed] .status { white-space: nowrap; }
  .rows .size { display: none; }
  .head .row { display: flex; gap: 4px 20px; }
  .head .acts { display: none; }
}
@media (prefers-reduced-motion: reduce) {
  * { transition: none !important; }
}
@media (forced-colors: active) {
  .bar, .track { border: 1px solid; }
  .bar rect, .track rect { fill: Highlight; }
  .filters :checked + span { outline: 2px solid Highlight; }
}
`;
