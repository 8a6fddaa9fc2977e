// Runs programs: their output line by line under a label, their failure as an exception.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The repository's root; every command runs there. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A failure that the user can act on: printed without a stack. */
export class Complaint extends Error {}

/** Runs a program to its end. With `label`, each line of its output is printed behind it, so that several can run at once. */
export async function run(command, args, { label, env, cwd = ROOT } = {}) {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', label ? 'pipe' : 'inherit', label ? 'pipe' : 'inherit'],
  });
  const printed = label ? [child.stdout, child.stderr].map((stream) => relay(stream, label)) : [];
  const status = await ended(child);
  await Promise.all(printed);
  if (status !== 0) throw new Complaint(`${[command, ...args].join(' ')}: ${explain(status)}`);
}

/** What a program prints; undefined when it is missing or fails. */
export async function output(command, args) {
  const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more) => (text += more));
  return (await ended(child)) === 0 ? text.trim() : undefined;
}

/** Its exit code, its signal's name, or the error that kept it from starting. */
export function ended(child) {
  return new Promise((resolve) => {
    child.once('error', resolve);
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
}

/** Runs a command's `main`, and turns its failure into a message and a non-zero exit. */
export async function command(main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Complaint ? error.message : error);
    process.exitCode = 1;
  }
}

export const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

function explain(status) {
  if (status instanceof Error) return status.message;
  return typeof status === 'number' ? `exit code ${status}` : `ended by ${status}`;
}

async function relay(stream, label) {
  for await (const line of createInterface({ input: stream })) console.log(`${label} | ${line}`);
}
