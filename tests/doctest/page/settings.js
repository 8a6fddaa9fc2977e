// How the settings of the user's own document are really exercised, by name: the engine accepts them as they stand, and an upload
// with them does as they say.
import { checkOptions, validate } from '/dist/index.js';
import { contentOf, expect, large, ours, someFiles, still, world } from './fixtures.js';

export const settings = {
  async batchConfig(config) {
    await accepted(config);
    // As it stands, address and all: a batch that stays empty calls nobody.
    const asItStands = await ours().batches.create(config);
    const { limits } = config;
    expect(JSON.stringify(asItStands.limits) === JSON.stringify(limits), `the batch has the limits ${JSON.stringify(asItStands.limits)}`);

    const followed = await followsToTheEnd(config);
    await keepsLimits(config, asItStands);
    return `batchConfig: ${followed} files processed when the upload ended; files over each of 3 limits refused before a byte`;
  },

  async retryStrategy(retryStrategy) {
    await accepted({ retryStrategy });
    const { maxAttempts, conditions: { retryable, fatal } } = retryStrategy;
    // Said so that only the strategy's word explains what follows: by themselves these would end at once, and those be tried again.
    const hopeless = (code) => ({ status: 400, problem: problem(code, false) });
    const hopeful = (code) => ({ status: 503, problem: problem(code, true) });
    const times = (count, answer) => Array.from({ length: count }, () => answer);
    const uploads = [
      ...retryable.map(async (code) => {
        const { result, came } = await stumbling(times(maxAttempts - 1, hopeless(code)), { retryStrategy });
        expect(result.status === 'committed' && came === maxAttempts, `after ${maxAttempts - 1} times ${code} the file is ${result.status}, by ${came} requests`);
        const plain = await stumbling([hopeless(code)], {});
        expect(plain.result.status === 'failed' && plain.came === 1, `without the strategy ${code} is tried again, too`);
      }),
      ...fatal.map(async (code) => {
        const { result, came } = await stumbling([hopeful(code)], { retryStrategy });
        expect(result.error?.code === code && !result.error.retryable && came === 1, `after ${code} the file is ${result.status}, by ${came} requests`);
      }),
      (async () => {
        const code = retryable[0] ?? 'temporary_error';
        const { result, came } = await stumbling(times(maxAttempts, hopeful(code)), { retryStrategy });
        expect(result.error?.code === code && came === maxAttempts, `after ${maxAttempts} failures the file is ${result.status}, by ${came} requests`);
      })(),
    ];
    await Promise.all(uploads);
    return `retryStrategy: ${retryable.length} codes tried ${maxAttempts} times and no more, ${fatal.length} never again`;
  },

  async resourceConfig(config) {
    await accepted(config);
    const { network: { maxConcurrent }, processing: { maxWorkers, queueSize } } = config;
    const workers = countWorkers();
    const { id } = await ours().batches.create({ name: 'doctest of resources' });
    // Many more files than may be between the walk and the network, while no request with files is answered.
    const files = [];
    let enough = false;
    async function* walk() {
      while (!enough && files.length < 5 * queueSize) {
        const name = `resource ${files.length}.txt`;
        files.push(new File([contentOf(name, 20_000)], name));
        yield files.at(-1);
        if (files.length % 50 === 0) await new Promise((next) => { setTimeout(next); });
      }
    }
    await world('hold');
    const upload = ours().documents.uploadBatch(walk(), { ...config, batchId: id });
    const halted = await still(async () => files.length >= queueSize && `${files.length} files, ${await world('waiting')} requests`);
    const waiting = await world('waiting');
    const walked = files.length;
    enough = true;
    await world('release');
    const results = await upload;
    expect(results.every(({ status }) => status === 'committed'), 'some file did not arrive');
    await expectHeld(id, files);
    await ours().batches.cancel(id); // nobody waits for it to be processed
    // That it is to wait, the walk hears a moment later.
    expect(walked < 2 * queueSize, `the walk went on to ${walked} files`);
    expect(waiting > 0 && waiting <= maxConcurrent, `${halted} under way at once`);
    const started = workers();
    expect(started > 0 && started <= maxWorkers, `${started} workers`);
    return `resourceConfig: with no answer the walk waits at ${halted}; ${started} workers; then ${files.length} files stored`;
  },
};

async function accepted(options) {
  const wrong = await checkOptions(options);
  if (wrong) throw wrong;
}

/** An upload with `tracking` ends when the server has processed its batch. */
async function followsToTheEnd({ tracking: { webhookUrl, ...tracking }, ...config }) {
  expect(tracking.enabled === true, 'the batch is not to be followed');
  const { id } = await ours().batches.create({ ...config, name: 'doctest of tracking' });
  const files = someFiles(30, 'followed');
  await ours().documents.uploadBatch(files, { ...config, tracking, batchId: id });
  const { processedFiles } = await ours().batches.getStatus(id);
  expect(processedFiles === files.length, `the upload ended with ${processedFiles} of ${files.length} files processed`);
  return processedFiles;
}

/** What is over a limit is refused, typed, and none of its bytes is sent; all else arrives. */
async function keepsLimits({ tracking, ...config }, { id }) {
  const { maxBatchSize, maxFileSize, totalBatchBytes } = config.limits;
  const before = await world('received');
  await refuses(id, config, [large('large.bin', maxFileSize + 1), ...someFiles(10, 'small')], 'large.bin rejected validation file_too_large');
  const sent = await world('received') - before;
  expect(sent < 1e6, `${sent} bytes were sent`);

  const { id: full } = await ours().batches.create({ ...config, name: 'doctest of limits' });
  await refuses(full, config, [...someFiles(maxBatchSize, 'limited'), new File(['one more'], 'one more.txt')], 'one more.txt rejected validation too_many_files');

  // A gigabyte is more than a test should send: that it would be refused is asked alone.
  const whole = Math.floor(totalBatchBytes / maxFileSize);
  const over = await validate(Array.from({ length: whole + 1 }, (_, i) => large(`large ${i}.bin`, maxFileSize)), config);
  expect(over.map(({ path, error }) => `${path} ${error.code}`).join() === `large ${whole}.bin batch_too_large`, `over the bytes of a batch: ${over.map(({ path }) => path)}`);
}

async function refuses(batchId, config, files, due) {
  const results = await ours().documents.uploadBatch(files, { ...config, batchId });
  const refused = results.filter(({ status }) => status !== 'committed').map(({ path, status, error }) => `${path} ${status} ${error?.type} ${error?.code}`);
  expect(refused.join() === due, `refused: “${refused}” instead of “${due}”`);
  await expectHeld(batchId, results.filter(({ status }) => status === 'committed').map(({ file }) => file));
  await ours().batches.cancel(batchId); // nobody waits for it to be processed
}

let stumbles = 0;

/** What becomes of a file whose requests are answered so at first, and how many there were. */
async function stumbling(answers, options) {
  const { id } = await ours().batches.create({ name: 'doctest of retries' });
  await world('stumble', id, answers);
  // Large enough to be told from the question whether a file is there already; of no other's content.
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const [result] = await ours().documents.uploadBatch([new File([bytes], `stumble ${stumbles++}.bin`)], { ...options, batchId: id });
  return { result, came: await world('came', id) };
}

/** The batch is of these files, as far as numbers tell. */
async function expectHeld(batchId, files) {
  const { totalFiles, bytes } = await ours().batches.getStatus(batchId);
  const due = files.reduce((sum, { size }) => sum + size, 0);
  expect(totalFiles === files.length && bytes === due, `the batch has ${totalFiles} files of ${files.length}, ${bytes} bytes of ${due}`);
}

function problem(code, retryable) {
  return { type: 'about:blank', title: code, status: 0, detail: `the doctest says ${code}`, code, retryable };
}

/** Counts workers that the page starts from now on, until it is asked for their number. */
function countWorkers() {
  const { Worker } = globalThis;
  let count = 0;
  globalThis.Worker = class extends Worker {
    constructor(...how) {
      super(...how);
      count += 1;
    }
  };
  return () => {
    globalThis.Worker = Worker;
    return count;
  };
}
