// Medians, ratios, and the table on the terminal.

const FIGURES = [
  'seconds', 'browserCpu', 'serverCpu', 'requests', 'wireMB', 'firstByteMs', 'longestTaskMs', 'longestGapMs', 'blockingMs', 'rendererMiB',
  'browserMiB', 'files', 'othersCpu',
];

/** One row for each workload, link and contender, in the order of their first runs. */
export function summarize(runs) {
  const alike = groups(runs, ({ workload, latency, rate, contender }) => [workload, latency, rate, contender].join());
  const rows = [...alike.values()].map((group) => {
    const { workload, title, contender, latency, rate, total } = group[0];
    const row = { workload, title, contender, latency, rate, total, runs: group.length };
    for (const figure of FIGURES) row[figure] = median(group.map((run) => run[figure]).filter((value) => value !== undefined));
    row.frozen = group.some(({ frozen }) => frozen);
    row.finished = group.every(({ finished }) => finished);
    row.error = group.find(({ error }) => error)?.error?.split('\n')[0];
    row.correct = row.finished && group.every(({ missing, extra }) => missing === 0 && extra === 0);
    return row;
  });
  for (const row of rows) {
    for (const base of ['fetch', 'ours']) {
      const other = rows.find((r) => r.contender === base && r.workload === row.workload && r.latency === row.latency && r.rate === row.rate);
      if (other?.finished && !row.error) row[`over_${base}`] = row.seconds / other.seconds;
    }
  }
  return rows;
}

function median(values) {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const number = (digits) => (value) => (value === undefined ? '-' : value.toFixed(digits));
const COLUMNS = [
  ['contender', (row) => row.contender],
  ['wall s', (row) => (row.error ? 'failed' : `${row.finished ? '' : '> '}${number(2)(row.seconds)}`)],
  ['/ fetch', (row) => ratio(row, 'over_fetch')],
  ['/ ours', (row) => ratio(row, 'over_ours')],
  ['browser CPU s', (row) => number(2)(row.browserCpu)],
  ['server CPU s', (row) => number(2)(row.serverCpu)],
  ['requests', (row) => number(0)(row.requests)],
  ['wire MB', (row) => number(1)(row.wireMB)],
  ['first byte ms', (row) => number(0)(row.firstByteMs)],
  ['task ms', (row) => number(0)(row.longestTaskMs)],
  ['gap ms', (row) => number(0)(row.longestGapMs)],
  ['blocking ms', (row) => number(0)(row.blockingMs)],
  ['renderer MiB', (row) => number(0)(row.rendererMiB)],
  ['browser MiB', (row) => number(0)(row.browserMiB)],
  ['verified', (row) => (row.error ? row.error.slice(0, 60) : row.finished ? (row.correct ? 'all' : 'WRONG') : `${row.files} of ${row.total}${row.frozen ? ', page frozen' : ''}`)],
];

function ratio(row, key) {
  return row[key] === undefined ? '-' : `${row.finished ? '' : '> '}${row[key].toFixed(2)}`;
}

export function table(rows) {
  return [...groups(rows, place)].map(([title, some]) => `\n${title}\n${text(some)}`).join('\n');
}

/** The heading of a row's table: what was sent over which link. */
export function place({ workload, title, latency, rate }) {
  return `${workload}: ${title}${latency ? `, ${latency} ms round trip` : ''}${rate ? `, ${rate} Mbit/s` : ''}`;
}

/** Rows by a key, in the order of the first of each. */
export function groups(rows, key) {
  const found = new Map();
  for (const row of rows) found.set(key(row), [...(found.get(key(row)) ?? []), row]);
  return found;
}

function text(rows) {
  const cells = [COLUMNS.map(([name]) => name), ...rows.map((row) => COLUMNS.map(([, cell]) => cell(row)))];
  const widths = COLUMNS.map((_, i) => Math.max(...cells.map((line) => line[i].length)));
  const pad = (cell, i) => (i === 0 || i === COLUMNS.length - 1 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]));
  return cells.map((line) => line.map(pad).join('  ').trimEnd()).join('\n');
}
