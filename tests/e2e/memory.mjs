// The memory of a process and all its children, from /proc.
import { readFile, readdir } from 'node:fs/promises';

const INTERVAL = 500; // ms; summing up a browser's memory takes the kernel some of them

/** Watches a browser until `stop()`, which tells its peaks in MiB:
 *  `renderer`: resident set of the largest renderer, as the kernel keeps it; `browser`: sum over all its processes. */
export function watchMemory(pid) {
  let renderer = 0;
  const all = watchFamily(pid, async (child) => {
    const isRenderer = (await text(`/proc/${child}/cmdline`)).includes('--type=renderer');
    if (isRenderer) renderer = Math.max(renderer, await field(`/proc/${child}/status`, 'VmHWM'));
  });
  return {
    async stop() {
      const browserPeakMiB = await all.stop();
      return { rendererPeakMiB: mebibytes(renderer), browserPeakMiB };
    },
  };
}

/** Watches a process and all its children until `stop()`, which tells the peak in MiB of the sum of their proportional sets, sampled.
 *  `look` sees each of them at each sample. */
export function watchFamily(pid, look) {
  let peak = 0;
  let stopped = false;
  const sample = async () => {
    let sum = 0;
    for (const child of await family(pid)) {
      sum += await field(`/proc/${child}/smaps_rollup`, 'Pss');
      await look?.(child);
    }
    peak = Math.max(peak, sum);
  };
  const run = (async () => {
    while (!stopped) {
      await sample();
      await new Promise((next) => setTimeout(next, INTERVAL));
    }
    await sample();
  })();
  return {
    async stop() {
      stopped = true;
      await run;
      return mebibytes(peak);
    },
  };
}

const mebibytes = (kibibytes) => Math.round(kibibytes / 1024);

async function family(pid) {
  const parents = new Map();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    // The second field, the name, may have spaces and brackets: count from its end.
    const stat = await text(`/proc/${entry}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    parents.set(parent, [...(parents.get(parent) ?? []), Number(entry)]);
  }
  const members = [pid];
  for (const member of members) members.push(...(parents.get(member) ?? []));
  return members;
}

async function field(path, name) {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(await text(path));
  return found ? Number(found[1]) : 0;
}

/** Empty for a process that has just gone. */
function text(path) {
  return readFile(path, 'utf8').catch(() => '');
}
