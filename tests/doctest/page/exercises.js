// How the functions of the user's own document are really exercised, by name.
import { planBatches } from '/dist/index.js';
import { document, expect, expectStored, ours, picture, processed, sandbox, someBatch, someDirectory, someFiles, textsOf, world } from './fixtures.js';

export const exercises = {
  async uploadBatch(uploadBatch) {
    const files = someFiles(25);
    const results = await uploadBatch(files);
    const expected = new Map();
    for (const file of files) expected.set(file.name, await file.text());
    await expectStored(results, expected);
    expect(results.every((result, i) => result.name === files[i].name), 'results are not in the order of the files');
    const progress = sandbox.logged.flat().map((line) => /^Progress: (\d+)\/(\d+)$/.exec(line)).filter(Boolean);
    expect(progress.at(-1)?.[0] === 'Progress: 25/25', `the last progress is ${progress.at(-1)?.[0]}`);
    const counts = progress.map(([, completed]) => Number(completed));
    expect(counts.every((count, i) => i === 0 || count >= counts[i - 1]), `progress falls: ${counts}`);
    const { batchId } = await document(results[0].documentId);
    const { name, description, totalFiles } = await ours().batches.getStatus(batchId);
    expect(name && description && totalFiles === 25, `the batch is ${JSON.stringify({ name, description, totalFiles })}`);
    return `25 files stored in “${name}”, bytes equal, ${progress.length} times progress`;
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
    const seen = JSON.stringify({ total, processed, failed, percentage });
    expect(seen === JSON.stringify({ total: 13, processed: 12, failed: 1, percentage: 100 }), `of 12 texts and a picture it tells ${seen}`);
    for (const [name, time] of Object.entries(status.timing)) expect(!Number.isNaN(Date.parse(time)), `${name} is ${time}`);
    expect(Date.parse(status.timing.started) <= Date.parse(status.timing.estimated), `it started ${status.timing.started} and ended ${status.timing.estimated}`);
    return `total ${total}, processed ${processed}, failed ${failed}, ${percentage}%`;
  },

  async handleBatchErrors(handleBatchErrors) {
    // On another server, where documents fail in all ways; the document's client does not know.
    await world('use', 'poor');
    try {
      const batchId = await failingBatch();
      const errors = await ours().batches.getErrors(batchId);
      await handleBatchErrors(batchId);
      const handlers = { validation: 'handleValidationErrors', processing: 'retryProcessingErrors', system: 'escalateSystemErrors' };
      const counts = [];
      for (const [type, handler] of Object.entries(handlers)) {
        const calls = sandbox.recorded.filter(({ name }) => name === handler).map(({ values }) => values);
        const due = errors.filter((error) => error.type === type);
        expect(due.length > 0, `the server recorded no error of type ${type}: ${JSON.stringify(errors)}`);
        expect(JSON.stringify(calls) === JSON.stringify([[due]]), `${handler} got ${JSON.stringify(calls)} instead of ${JSON.stringify(due)}`);
        counts.push(`${due.length} ${type} (${[...new Set(due.map(({ code }) => code))]})`);
      }
      expect(sandbox.recorded.length === 3, `there were ${sandbox.recorded.length} calls of handlers`);
      return counts.join(', ');
    } finally {
      await world('use', 'usual');
    }
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

/** A batch of files that fail, each for its own reason, on a server that has little memory and no embeddings. */
async function failingBatch() {
  const files = [
    picture(), picture('photo.png'),
    new File(['%PDF-1.7\n'], 'broken.pdf'),
    new File(['<p>', 'words '.repeat(2_000_000)], 'huge.html'),
    ...someFiles(1, 'fine'),
  ];
  return processed(files, 'doctest with errors');
}
