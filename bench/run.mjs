// All runs of a bench, one after the other: contenders take turns, so that what the machine does meets all of them.
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { CONTENDERS } from './contenders.mjs';
import { raise } from './lib/link.mjs';
import { measure } from './lib/measure.mjs';
import { machineSeconds } from './lib/process.mjs';
import { place, summarize, table } from './report.mjs';
import { workload } from './workloads.mjs';

/** Others may use this much of the machine before a run is called disturbed. */
const CALM = 0.1;

/** `passes`: each `{ workloads, contenders, latency, rate, limit }`. Returns the summary. */
export async function bench({ passes, runs: rounds, quick, out }) {
  raise();
  const runs = [];
  const began = new Date().toISOString();
  for (const pass of passes) {
    for (const name of pass.workloads) {
      const files = await workload(name, quick);
      for (const latency of pass.latency) {
        const link = { latency, rate: pass.rate };
        console.log(`\n${place({ workload: name, title: files.title, ...link })} (${files.files} files, ${(files.bytes / 1e6).toFixed(1)} MB)`);
        for (let round = 1; round <= rounds; round += 1) {
          for (const contender of contendersFor(pass, name)) {
            runs.push({ workload: name, title: files.title, contender, ...link, round, ...(await run(contender, files, link, pass.limit)) });
            console.log(line(runs.at(-1)));
            if (out) await writeFile(out, JSON.stringify({ began, machine: machine(), results: summarize(runs), runs }, undefined, 1));
          }
        }
      }
    }
  }
  const results = summarize(runs);
  console.log(table(results));
  return results;
}

async function run(contender, files, link, limit) {
  const load = await loadBefore();
  const figures = await measure({ contender, workload: files, ...link, limit }).catch((error) => ({ finished: false, error: error.stack ?? String(error) }));
  return { ...figures, total: files.files, load, loadAverage: loadavg()[0] };
}

function machine() {
  return { cpus: cpus().length, cpu: cpus()[0].model, memoryGiB: Math.round(totalmem() / 2 ** 30), system: release(), node: process.version };
}

function contendersFor({ contenders }, workload) {
  return contenders.filter((name) => (CONTENDERS[name].only ?? [workload]).includes(workload));
}

/** The share of the machine that others use, measured over half a second. */
async function loadBefore() {
  const before = machineSeconds();
  await new Promise((done) => setTimeout(done, 500));
  const share = (machineSeconds() - before) / 0.5 / cpus().length;
  if (share > CALM) console.log(`  warning: others use ${Math.round(share * 100)} % of the machine, load ${loadavg()[0].toFixed(1)}`);
  return share;
}

function line(run) {
  const { contender, round, seconds, finished, error, files, total, missing, extra, othersCpu } = run;
  const where = `  ${contender} #${round}:`;
  if (error) return `${where} FAILED: ${error.split('\n')[0]} ${(run.log ?? []).join(' | ')}`;
  if (!finished) return `${where} > ${seconds.toFixed(0)} s, ${files} of ${total} files`;
  const wrong = missing + extra > 0 ? ` WRONG: ${missing} files missing, ${extra} others` : '';
  const busy = othersCpu > CALM * seconds * cpus().length ? `, others used ${othersCpu.toFixed(1)} CPU s` : '';
  return `${where} ${seconds.toFixed(2)} s, gap ${run.longestGapMs} ms${busy}${wrong}`;
}
