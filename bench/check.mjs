// What issue 4 asks of the figures ("Done when"), and the runs that tell.

const BUNDLING = ['fetch-formdata', 'uppy-bundle', 'dropzone-multiple', 'react-uploady'];

/** The runs that the table needs. Without a limit: the usual one. */
export const PASSES = [
  { workloads: ['A'], contenders: ['ours', 'ours-drop', 'fetch', 'uppy-xhr', 'tus-js-client', ...BUNDLING, 'copyparty'], latency: [0] },
  { workloads: ['A'], contenders: ['ours', 'fetch'], latency: [100] },
  { workloads: ['C'], contenders: ['ours', 'ours-drop', 'fetch', 'copyparty'], latency: [0] },
  { workloads: ['C'], contenders: ['ours'], latency: [0], rate: 1000 },
  { workloads: ['D'], contenders: ['ours', 'ours-drop', 'uppy-xhr', 'dropzone', 'copyparty'], latency: [0] },
  { workloads: ['E'], contenders: ['ours', 'ours-drop'], latency: [0] },
  { workloads: ['F'], contenders: ['ours', 'fetch'], latency: [0], rate: 20, limit: 600 },
];

/** Lines `pass`, `FAIL` or `-` (not measured), one for each row of the table. */
export function check(rows) {
  const find = (workload, contender, { latency = 0, rate } = {}) =>
    rows.find((row) => row.workload === workload && row.contender === contender && row.latency === latency && row.rate === rate && !row.error);
  const faster = (workload, others, least, link) => {
    const ours = find(workload, 'ours', link);
    const found = others.map((name) => find(workload, name, link)).filter(Boolean);
    const name = `${workload}${link?.latency ? ` with ${link.latency} ms` : ''}${link?.rate ? ` at ${link.rate} Mbit/s` : ''} against ${others.length > 1 ? 'the best bundling peer' : others[0]}, ${least}×`;
    if (!ours?.finished || found.length === 0) return [name];
    const best = found.toSorted((a, b) => a.seconds - b.seconds)[0];
    const ratio = best.seconds / ours.seconds;
    const text = `${best.finished ? '' : 'at least '}${ratio.toFixed(2)}× (${ours.seconds.toFixed(2)} s, ${best.contender} ${best.finished ? '' : '> '}${best.seconds.toFixed(2)} s)`;
    // Of one that was stopped only the least is known.
    return ratio < least && !best.finished ? [name, undefined, text] : [name, ratio >= least, text];
  };
  const below = (name, row, figure, most, unit) => (row?.finished ? [name, row[figure] <= most, `${row[figure].toFixed(1)} ${unit}`] : [name]);
  const table = [
    faster('A', ['uppy-xhr'], 15),
    faster('A', ['tus-js-client'], 8),
    faster('A', ['fetch'], 5),
    faster('A', BUNDLING, 1.5),
    faster('A', ['fetch'], 20, { latency: 100 }),
    faster('C', ['fetch'], 1.3),
    linkUse(find('C', 'ours', { rate: 1000 })),
    faster('D', ['uppy-xhr'], 4),
    faster('D', ['dropzone'], 2),
    faster('A', ['copyparty'], 20),
    faster('C', ['copyparty'], 1.5),
    faster('D', ['copyparty'], 8),
    below('E completes in under 60 s', find('E', 'ours'), 'seconds', 60, 's'),
    faster('F', ['fetch'], 3, { rate: 20 }),
    ...gaps(rows),
    below('renderer over idle, C, 96 MiB', find('C', 'ours'), 'rendererMiB', 96, 'MiB'),
    below('renderer over idle, E, 96 MiB', find('E', 'ours'), 'rendererMiB', 96, 'MiB'),
    ['engine alone, 1,000,000 files: not of this bench'],
  ];
  return table.map(([name, passes, text]) => `${passes === undefined ? '-   ' : passes ? 'pass' : 'FAIL'}  ${name}${text ? `: ${text}` : ''}`).join('\n');
}

/** The time that the link needs for what was sent over it, as a share of the time that it took. */
function linkUse(row) {
  const name = 'C at 1,000 Mbit/s within 3 % of the link';
  if (!row?.finished || row.wireMB === undefined) return [name];
  const needed = (row.wireMB * 8) / row.rate;
  return [name, needed / row.seconds >= 0.97, `${((needed / row.seconds) * 100).toFixed(1)} % of it (${row.seconds.toFixed(2)} s, the link alone ${needed.toFixed(2)} s)`];
}

function gaps(rows) {
  const ours = rows.filter(({ contender, finished }) => contender.startsWith('ours') && finished);
  return ours.map(({ workload, contender, latency, rate, longestTaskMs, longestGapMs }) => {
    const link = `${latency ? ` ${latency} ms` : ''}${rate ? ` ${rate} Mbit/s` : ''}`;
    const worst = Math.max(longestTaskMs, longestGapMs);
    return [`${workload} ${contender}${link}, longest task and gap 50 ms`, worst <= 50, `task ${longestTaskMs.toFixed(0)} ms, gap ${longestGapMs.toFixed(0)} ms`];
  });
}
