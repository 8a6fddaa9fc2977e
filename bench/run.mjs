// All runs of a bench, one after the other: contenders take turns, so that what the machine does meets all of them.
import { writeFile } from 'node:fs/promises';
import { raise } from './lib/link.mjs';
import { measure } from './lib/measure.mjs';
import { machineSeconds } from './lib/process.mjs';
import { summarize, table } from './report.mjs';
import { workload } from './workloads.mjs';
import { CONTENDERS } from './contenders.mjs';
import { cpus, loadavg } from 'node:os';

/** Others may use this much of the machine before a run is called disturbed. */
const CALM = 0.1;

export async function bench(options) {
  raise();
  const runs = [];
  for (const name of options.workloads) {
    const files = await workload(name, options.quick);
    console.log(`\n${name}: ${files.title} (${files.files} files, ${(files.bytes / 1e6).toFixed(1)} MB)`);
    for (const latency of options.latency) {
      for (let round = 1; round <= options.runs; round += 1) {
        for (const contender of contendersFor(options, name)) {
          const load = await loadBefore();
          const place = { workload: name, title: files.title, contender, latency, rate: options.rate, round };
          const figures = await measure({ contender, workload: files, latency, rate: options.rate, limit: options.limit })
            .catch((error) => ({ finished: false, error: error.stack ?? String(error) }));
          runs.push({ ...place, ...figures, total: files.files, load, loadAverage: loadavg()[0] });
          console.log(line(runs.at(-1)));
          if (options.out) await writeFile(options.out, JSON.stringify({ options, results: summarize(runs), runs }, undefined, 1));
        }
      }
    }
  }
  const results = summarize(runs);
  console.log(table(results));
  return results;
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
  const { contender, latency, round, seconds, finished, error, files, total, missing, extra, othersCpu } = run;
  const where = `  ${contender}${latency ? ` +${latency} ms` : ''} #${round}:`;
  if (error) return `${where} FAILED: ${error.split('\n')[0]} ${(run.log ?? []).join(' | ')}`;
  if (!finished) return `${where} > ${seconds.toFixed(0)} s, ${files} of ${total} files`;
  const wrong = missing + extra > 0 ? ` WRONG: ${missing} files missing, ${extra} others` : '';
  const busy = othersCpu > CALM * seconds * cpus().length ? `, others used ${othersCpu.toFixed(1)} CPU s` : '';
  return `${where} ${seconds.toFixed(2)} s, gap ${run.longestGapMs} ms${busy}${wrong}`;
}
