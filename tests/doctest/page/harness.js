// Runs in the page: imports a block, then really calls what it declares and checks what came of it.
import { exercises } from './exercises.js';
import { argument, expect, sandbox, stored } from './fixtures.js';
import { settings } from './settings.js';

export { uploadTracked } from './fixtures.js';

const known = new Set();

export function begin(apiKey) {
  sandbox.apiKey = apiKey;
  addEventListener('error', (event) => sandbox.failures.push(event.message));
  addEventListener('unhandledrejection', (event) => sandbox.failures.push(`unhandled rejection: ${event.reason?.stack ?? event.reason}`));
  const log = console.log;
  console.log = (...values) => {
    sandbox.logged.push(values);
    log.apply(console, values);
  };
}

/** Notes on what was checked; throws for what did not hold. */
export async function run({ module, exercised, functions, declared, foreign }) {
  sandbox.logged.length = 0;
  sandbox.failures.length = 0;
  sandbox.recorded.length = 0;
  for (const name of foreign) supply(name);
  globalThis.MAX_BATCH_SIZE ??= sandbox.maxBatchSize;
  await import(module);
  for (const name of declared) known.add(name);

  if (!exercised) return [];

  const notes = [];
  for (const name of declared) {
    const check = settings[name];
    if (check) notes.push(await check(globalThis[name]));
  }
  for (const { name, parameters } of functions) {
    const exercise = exercises[name];
    if (exercise) notes.push(`${name}: ${await exercise(globalThis[name])}`);
    else {
      const values = [];
      for (const parameter of parameters) values.push(await argument(parameter));
      const result = await globalThis[name](...values);
      notes.push(`${name}(${parameters.join(', ')}) ran${await judge(result)}`);
    }
  }
  // What a block started without waiting for it may still go wrong.
  await new Promise((resolve) => { setTimeout(resolve, 50); });
  if (sandbox.failures.length) throw new Error(sandbox.failures.join('; '));
  return notes;
}

/** Results of an upload must all be well, and really on the server. */
async function judge(result) {
  if (!Array.isArray(result) || !result.every((one) => one?.path && one?.status)) return '';
  for (const { path, status, documentId, error, file } of result) {
    expect(status === 'committed', `${path} is ${status}: ${error?.message}`);
    expect(await stored(documentId) === await file.text(), `${path} has other bytes on the server`);
  }
  return `, ${result.length} files stored`;
}

/** An application's own function: it records that it was called. */
function supply(name) {
  if (name in globalThis || known.has(name)) return;
  globalThis[name] = (...values) => { sandbox.recorded.push({ name, values }); };
}
