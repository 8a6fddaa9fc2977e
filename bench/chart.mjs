// Results as bars, for the README: a panel for each workload and link, seconds on a linear scale from zero, shortest first.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTENDERS } from './contenders.mjs';
import { groups, place } from './report.mjs';
import { ROOT } from '../scripts/lib/run.mjs';

const FOLDER = join(ROOT, 'bench/results');
const WIDTH = 760;
const NAMES = 236; // where the bars begin
const LABELS = 200; // what is kept free for the words behind the longest bar
const ROW = 22;

const STYLE = `
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; }
.bar { fill: #afb8c1; } .ours { fill: #0969da; } .stopped { fill: url(#stopped); } .stripe { stroke: #afb8c1; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .bar { fill: #57606a; } .ours { fill: #4493f8; } .stripe { stroke: #57606a; }
}`;

/** Writes one SVG for each workload, and returns their paths. */
export async function chart(rows) {
  await mkdir(FOLDER, { recursive: true });
  const paths = [];
  for (const [workload, some] of groups(rows, ({ workload }) => workload)) {
    const path = join(FOLDER, `${workload}.svg`);
    await writeFile(path, draw([...groups(some, place)]));
    paths.push(path);
  }
  return paths;
}

function draw(panels) {
  let y = 0;
  const parts = panels.map(([title, rows]) => {
    const top = y;
    y += 30 + rows.length * ROW + 14;
    return panel(title, rows, top);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img">
<style>${STYLE}
</style>
<pattern id="stopped" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="stripe" d="M1 0v6" stroke-width="3"/></pattern>
${parts.join('\n')}
</svg>
`;
}

function panel(title, rows, top) {
  const sorted = rows.toSorted((a, b) => rank(a) - rank(b));
  const most = Math.max(...sorted.filter(({ error }) => !error).map(({ seconds }) => seconds), 0.001);
  const bars = sorted.map((row, i) => bar(row, top + 30 + i * ROW, most));
  return `<text class="title" x="0" y="${top + 16}">${escape(title)}</text>\n${bars.join('\n')}`;
}

/** Those that did not finish come last: nobody knows by how much. */
function rank({ seconds, finished, error }) {
  return error ? Infinity : seconds + (finished ? 0 : 1e6);
}

function bar(row, y, most) {
  const { contender, seconds, finished, error, files, total } = row;
  const width = error ? 0 : Math.max(1, (seconds / most) * (WIDTH - NAMES - LABELS));
  const kind = contender.startsWith('ours') ? 'ours' : finished ? 'bar' : 'stopped';
  const words = error ? 'failed' : finished ? `${seconds.toFixed(1)} s${times(row)}` : `> ${seconds.toFixed(0)} s, ${Math.round(files)} of ${total} files`;
  return `<text x="${NAMES - 8}" y="${y + 14}" text-anchor="end">${escape(CONTENDERS[contender]?.title ?? contender)}</text>
<rect class="${kind}" x="${NAMES}" y="${y + 3}" width="${width.toFixed(1)}" height="${ROW - 7}" rx="2"/>
<text x="${NAMES + width + 6}" y="${y + 14}">${escape(words)}</text>`;
}

function times({ contender, over_ours: ratio }) {
  return ratio === undefined || contender === 'ours' ? '' : ` (${ratio.toFixed(ratio < 10 ? 1 : 0)}×)`;
}

function escape(text) {
  return text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign]);
}
