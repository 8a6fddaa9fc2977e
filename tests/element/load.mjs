// How busy other programs keep this machine while something is measured (Linux): there, frames are late whatever the page does.
import { readFile, readdir } from 'node:fs/promises';
import { cpus } from 'node:os';

const TICK = 10; // ms, of /proc

/** Call it at the start; what it returns tells the share of the machine, in percent, that others had until then. */
export async function others() {
  const [busy, own] = [busyMs(), await ownMs()];
  const begun = performance.now();
  return async () => {
    const all = (performance.now() - begun) * cpus().length;
    return Math.max(0, Math.round((100 * (busyMs() - busy - (await ownMs() - own))) / all));
  };
}

function busyMs() {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
}

/** CPU time of this process and all that it started. */
async function ownMs() {
  const processes = new Map();
  for (const id of await readdir('/proc')) {
    const text = /^\d+$/.test(id) ? await readFile(`/proc/${id}/stat`, 'utf8').catch(() => '') : '';
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    if (fields.length > 15) processes.set(Number(id), { parent: Number(fields[1]), ms: fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * TICK, 0) });
  }
  const mine = (id) => id === process.pid || (processes.has(id) && mine(processes.get(id).parent));
  return [...processes].reduce((sum, [id, { ms }]) => sum + (mine(id) ? ms : 0), 0);
}
