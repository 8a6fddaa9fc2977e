// How the functions and settings of the user's own document are really exercised, by name.
import { checkOptions, planBatches } from '/dist/index.js';
import { expect, expectStored, ours, sandbox, someBatch, someDirectory, someFiles, textsOf } from './fixtures.js';

/** Settings are accepted by the engine as they stand. */
export const settings = {
  batchConfig: (value) => accepted('batchConfig', value),
  retryStrategy: (value) => accepted('retryStrategy', { retryStrategy: value }),
  resourceConfig: (value) => accepted('resourceConfig', value),
};

async function accepted(name, options) {
  const wrong = await checkOptions(options);
  if (wrong) throw wrong;
  return `${name} accepted`;
}

export const exercises = {
  async uploadBatch(uploadBatch) {
    const files = someFiles(25);
    const results = await uploadBatch(files);
    const expected = new Map();
    for (const file of files) expected.set(file.name, await file.text());
    await expectStored(results, expected);
    expect(results.every((result, i) => result.name === files[i].name), 'results are not in the order of the files');
    const progress = sandbox.logged.flat().filter((line) => /^Progress: \d+\/\d+$/.test(line));
    expect(progress.at(-1) === 'Progress: 25/25', `the last progress is ${progress.at(-1)}`);
    return `25 files stored, bytes equal, ${progress.length} times progress`;
  },

  async processLargeBatch(processLargeBatch) {
    const directory = await someDirectory(250);
    const results = await processLargeBatch(directory);
    await expectStored(results, await textsOf(directory));
    const lines = sandbox.logged.flat();
    const started = lines.map((line) => /^Starting batch (\d+) with (\d+) files$/.exec(line)).filter(Boolean);
    const completed = lines.map((line) => /^Completed batch (\d+)$/.exec(line)).filter(Boolean);
    expect(numbers(started) === '1,2,3', `batches started: ${numbers(started)}`);
    expect(numbers(completed) === '1,2,3', `batches completed: ${numbers(completed)}`);
    const counts = started.map(([, , count]) => Number(count));
    expect(counts.every((count) => count <= 100) && sum(counts) === 250, `files a batch: ${counts}`);
    const percents = new Map();
    for (const line of lines) {
      const [, name, percent] = /^(.+): (\d+)%$/.exec(line) ?? [];
      if (name === undefined) continue;
      expect(Number(percent) >= (percents.get(name) ?? 0), `${name} falls to ${percent}%`);
      percents.set(name, Number(percent));
    }
    expect(percents.size === 250, `progress of ${percents.size} files`);
    expect([...percents.values()].every((percent) => percent === 100), 'some file does not end at 100%');
    return `250 files of a directory stored, batches of ${counts.join(', ')}`;
  },

  async monitorBatchProgress(monitorBatchProgress) {
    const batchId = await someBatch(12);
    await monitorBatchProgress(batchId);
    const [status] = sandbox.logged.at(-1) ?? [];
    expect(status?.batchId === batchId, 'no status of this batch was logged');
    const { total, processed, failed, percentage } = status.progress;
    for (const [name, value] of Object.entries({ total, processed, failed, percentage })) {
      expect(Number.isFinite(value), `${name} is ${value}`);
    }
    expect(total === 12, `total is ${total}`);
    expect(failed === 0, `failed is ${failed}`);
    expect(!Number.isNaN(Date.parse(status.timing.started)), `started is ${status.timing.started}`);
    return `total ${total}, processed ${processed}, failed ${failed}, ${percentage}%`;
  },

  async handleBatchErrors(handleBatchErrors) {
    const batchId = await batchWithErrors();
    const errors = await ours().batches.getErrors(batchId);
    expect(Array.isArray(errors) && errors.length > 0, 'the server recorded no error');
    await handleBatchErrors(batchId);
    const handlers = { validation: 'handleValidationErrors', processing: 'retryProcessingErrors', system: 'escalateSystemErrors' };
    const types = new Set(errors.map((error) => error.type));
    for (const type of types) {
      const call = sandbox.recorded.find(({ name }) => name === handlers[type]);
      expect(call, `${handlers[type]} was not called`);
      const given = call.values[0].map(({ path, code }) => `${path} ${code}`).join();
      const due = errors.filter((error) => error.type === type).map(({ path, code }) => `${path} ${code}`).join();
      expect(given === due, `${handlers[type]} got ${given} instead of ${due}`);
    }
    return `${errors.length} errors of type ${[...types].join(', ')} handled`;
  },

  async optimizeBatchSize(optimizeBatchSize) {
    const limit = sandbox.maxBatchSize;
    const tame = sized([40, 50, 30, 70, 10, 100, 1]);
    const plan = await planBatches(tame, { maxBatchBytes: limit, batchSize: 1000 });
    expect(names(plan.batches) === names(optimizeBatchSize(tame)), `plan ${names(plan.batches)} is not ${names(optimizeBatchSize(tame))}`);
    expect(plan.rejected.length === 0, 'something was rejected');

    // Its faults: a first file over the limit leaves an empty batch, and goes up in a batch over the limit.
    const wild = sized([150, 40, 70, 200, 20]);
    const faulty = optimizeBatchSize(wild);
    expect(faulty.some((batch) => batch.length === 0), 'the block has no empty batch: was it edited?');
    const mended = await planBatches(wild, { maxBatchBytes: limit, batchSize: 1000 });
    const without = optimizeBatchSize(wild.filter((file) => file.size <= limit));
    expect(names(mended.batches) === names(without), `plan ${names(mended.batches)} is not ${names(without)}`);
    expect(mended.batches.every((batch) => batch.length > 0 && sum(batch.map((file) => file.size)) <= limit), 'a batch is empty or over the limit');
    expect(names([mended.rejected]) === names([[wild[0], wild[3]]]), `rejected: ${names([mended.rejected])}`);
    return 'runs, and planBatches gives the same batches without an empty one or one over the limit';
  },
};

function sized(percents) {
  return percents.map((percent, i) => new File([new Uint8Array(percent * sandbox.maxBatchSize / 100)], `f${i}`));
}

function names(batches) {
  return batches.map((batch) => batch.map((file) => file.name).join('+')).join(' | ');
}

function numbers(matches) {
  return matches.map(([, number]) => Number(number)).sort((a, b) => a - b).join();
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/** A batch to which a careless client sent what the server refuses. */
async function batchWithErrors() {
  const batch = await ours().batches.create({ name: 'doctest with errors' });
  const form = new FormData();
  const document = (path) => ({ path, size: 0, blocks: [] });
  const manifest = { documents: [document('good.txt'), document('../outside.txt'), document('/etc/passwd')] };
  form.append('manifest', new Blob([JSON.stringify(manifest)], { type: 'application/json' }));
  const response = await fetch(`/v1/batches/${batch.id}/documents`, {
    method: 'POST', body: form, headers: { Authorization: `Bearer ${sandbox.apiKey}` },
  });
  expect(response.ok, `the bundle was answered by ${response.status}: ${await response.clone().text()}`);
  return batch.id;
}
