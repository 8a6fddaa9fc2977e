// An application's options, as their JSON, word by word to the engine.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chromium } from './chromium.mjs';

const { inPage } = chromium();

/** What the engine says of each. */
function checked(list) {
  return inPage(async (list) => {
    const { optionsOf } = await import('/in-page.js');
    return list.map((options) => JSON.parse(optionsOf(JSON.stringify(options)).check() ?? 'null'));
  }, list);
}

test('right options pass', async () => {
  const right = [
    {},
    { concurrency: 3, memory: { maxBufferSize: '1.5 GiB' }, retryStrategy: { maxAttempts: 5 } },
    { retryStrategy: { backoff: { initial: 1 }, conditions: { retryable: ['a', 'b'], fatal: [] } } },
    { batch: { name: 'mine', metadata: { any: { thing: [1, null] } } }, refresh: true, groupBy: 'type' },
    { limits: {} },
  ];
  assert.deepEqual(await checked(right), right.map(() => null));
});

test('wrong ones are named', async () => {
  const wrong = [
    [{ concurency: 3 }, 'concurency'],
    [{ concurrency: 'three' }, 'concurrency'],
    [{ concurrency: null }, 'concurrency'],
    [{ concurrency: [3] }, 'concurrency'],
    [{ concurrency: { at: 3 } }, 'concurrency'],
    [{ limits: { maxFileSize: 'big' } }, 'limits.maxFileSize'],
    [{ limits: 7 }, 'limits'],
    [{ limits: [] }, 'limits'],
    [{ retryStrategy: { backoff: { initial: -1 } } }, 'retryStrategy.backoff.initial'],
    [{ retryStrategy: { conditions: { fatal: ['a', 7] } } }, 'retryStrategy.conditions.fatal'],
    [{ '': { concurrency: 3 } }, ''],
  ];
  const failures = await checked(wrong.map(([options]) => options));
  for (const [at, [options, word]] of wrong.entries()) {
    const { type, code, message } = failures[at] ?? {};
    assert.deepEqual([type, code], ['validation', 'invalid_option'], JSON.stringify(options));
    assert.ok(message.includes(`“${word}”`), message);
  }
});

test('what is asked of them is the engine’s', async () => {
  const said = await inPage(async () => {
    const { Files, optionsOf } = await import('/in-page.js');
    const of = (options) => optionsOf(JSON.stringify(options));
    const files = new Files();
    for (const [at, size] of [60, 60, 500, 10, NaN].entries()) files.add(`${at}`, '', size, NaN, undefined, undefined, undefined);
    return [
      of({ resume: 'mine', baseUrl: 'https://x.test' }).journal(),
      of({}).journal(),
      of({ name: 'mine', limits: { maxFileSize: '1KB' } }).newBatch(),
      of({ maxBatchBytes: 100, batchSize: 2 }).planBatches(files),
      JSON.parse(of({ limits: { maxFileSize: 100 } }).validate(files)).map(({ index, error }) => [index, error.code]),
    ];
  });
  assert.deepEqual(said, [
    'https://x.test mine', null, '{"name":"mine","limits":{"maxFileSize":1000}}',
    '{"batches":[[0],[1,3],[4]],"rejected":[2]}', [[2, 'file_too_large']],
  ]);
});
