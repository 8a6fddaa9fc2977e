// npm run bench -- [flags]: this project beside other uploaders, in headless Chromium. bench/README.md says what is measured.
import { spawn, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { chart } from '../bench/chart.mjs';
import { PASSES, check } from '../bench/check.mjs';
import { CONTENDERS } from '../bench/contenders.mjs';
import { prepare } from '../bench/prepare.mjs';
import { bench } from '../bench/run.mjs';
import { WORKLOADS } from '../bench/workloads.mjs';
import { Complaint, command, ended } from './lib/run.mjs';

const USAGE = `usage: npm run bench -- [--quick] [--workloads A,C] [--contenders ours,fetch] [--runs 3] [--latency 0,20,100]
  [--rate MBIT] [--limit SECONDS] [--out FILE] [--no-build]
       npm run bench -- --check [FILE ...]  the figures that issue 4 asks for: from runs of now, or from what --out wrote
       npm run bench -- --chart FILE ...    bars in bench/results/, from what --out wrote
workloads: ${Object.keys(WORKLOADS).join(', ')}; contenders: ${Object.keys(CONTENDERS).join(', ')}`;

await command(async (args) => {
  const options = parse(args);
  if (options.files.length > 0) {
    const rows = (await Promise.all(options.files.map((path) => readFile(path, 'utf8')))).flatMap((text) => JSON.parse(text).results);
    if (options.check) console.log(check(rows));
    if (options.chart) console.log((await chart(rows)).join('\n'));
    return;
  }
  if (process.env.CLOUDINDEX_BENCH_PRIVATE !== undefined) {
    endWithParent();
    const rows = await bench(options);
    if (options.check) console.log(`\n${check(rows)}`);
    process.exit(); // its input is open
  }
  await prepare({ copyparty: options.passes.some(({ contenders }) => contenders.includes('copyparty')), rebuild: options.build });
  const status = await apart(options.passes.some(({ rate }) => rate));
  if (status !== 0) process.exitCode = 1;
});

function parse(args) {
  const text = { type: 'string' };
  const flag = { type: 'boolean', default: false };
  let given;
  let files;
  try {
    ({ values: given, positionals: files } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        quick: flag, workloads: text, contenders: text, runs: text, latency: text, rate: text, limit: text, out: text, 'no-build': flag,
        check: flag, chart: flag,
      },
    }));
  } catch (error) {
    throw new Complaint(`${error.message}\n${USAGE}`);
  }
  const { quick, check, chart } = given;
  if (files.length > 0 ? !check && !chart : chart) throw new Complaint(USAGE);
  const limit = positive(given.limit, quick ? 30 : 150);
  const pass = {
    workloads: names(given.workloads, Object.keys(WORKLOADS), quick ? ['A', 'C', 'D', 'E'] : Object.keys(WORKLOADS)),
    contenders: names(given.contenders, Object.keys(CONTENDERS), Object.keys(CONTENDERS).filter((name) => !quick || CONTENDERS[name].quick)),
    latency: (given.latency ?? '0').split(',').map((value) => positive(value)),
    rate: given.rate === undefined ? undefined : positive(given.rate),
    limit,
  };
  const asked = given.workloads ?? given.contenders ?? given.latency ?? given.rate;
  const passes = check && asked === undefined ? PASSES.map((one) => ({ ...one, limit: given.limit ? limit : one.limit ?? limit })) : [pass];
  return { passes, files, check, chart, quick, runs: positive(given.runs, quick ? 1 : 3), out: given.out, build: !given['no-build'] };
}

function names(given, known, otherwise) {
  const chosen = given?.split(',') ?? otherwise;
  const strange = chosen.filter((name) => !known.includes(name));
  if (strange.length > 0) throw new Complaint(`not known: ${strange.join(', ')}\n${USAGE}`);
  return chosen;
}

function positive(text, otherwise) {
  const value = text === undefined ? otherwise : Number(text);
  if (!(value >= 0)) throw new Complaint(`${text} is no number\n${USAGE}`);
  return value;
}

/** Runs this script again in namespaces of its own: its loopback carries nothing but the bench, and nothing outlives it. */
async function apart(shaped) {
  const unshare = ['--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const rights = process.getuid() === 0 ? [] : ['--map-root-user'];
  const possible = spawnSync('unshare', [...rights, ...unshare, 'sh', '-c', 'ip link set lo up && tc qdisc show'], { stdio: 'ignore' }).status === 0;
  const self = [process.execPath, ...process.argv.slice(1)];
  if (possible) return again('unshare', [...rights, ...unshare, ...self], '1');
  const why = 'no network namespace can be made here (needs Linux, unshare, ip and tc: apt-get install util-linux iproute2; and root or user namespaces)';
  if (shaped) throw new Complaint(`--rate: ${why}`);
  console.log(`bytes on the wire are not counted: ${why}`);
  return again(self[0], self.slice(1), '0');
}

/** Its input is a pipe that nothing is written to: however this process ends, the other one then hears its end, and ends. */
async function again(program, args, isPrivate) {
  const env = { ...process.env, CLOUDINDEX_BENCH_PRIVATE: isPrivate };
  const child = spawn(program, args, { stdio: ['pipe', 'inherit', 'inherit'], env });
  return ended(child);
}

function endWithParent() {
  process.stdin.on('end', () => process.exit(1)).resume();
  // The first process of its namespace hears no signal that it does not ask for; the rest of the namespace ends with it.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
}
