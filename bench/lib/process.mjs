// A program that prints where it listens, and what the kernel knows about it.
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { ended } from '../../scripts/lib/run.mjs';

const TICKS = 100; // a second, on every Linux

/** Starts it, and waits for the line that tells its address. */
export async function listening(program, args, options = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], ...options });
  const gone = ended(child);
  const url = await new Promise((resolve, reject) => {
    gone.then((status) => reject(new Error(`${program} ended: ${status}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /^listening on (http:\S+?)\/?$/.exec(line);
      if (found) resolve(found[1]);
    });
  });
  return { url, pid: child.pid, stop: () => stop(child, gone) };
}

export async function stop(child, gone = ended(child)) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await gone;
}

/** CPU seconds of a process, or with `group` of all processes of its group, and of what they have waited for. */
export function cpuSeconds(pid, { group = false } = {}) {
  let ticks = 0;
  for (const process of group ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : [pid]) {
    const fields = stat(process);
    if (fields && (!group || Number(fields[2]) === pid)) ticks += fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  }
  return ticks / TICKS;
}

/** The fields of /proc/PID/stat behind the name, which may have spaces and brackets: state first. */
function stat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** CPU seconds that the whole machine was busy since it started, what other machines took from it included. */
export function machineSeconds() {
  const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS;
}
