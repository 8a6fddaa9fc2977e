// What becomes of files after they arrived: an upload that follows its batch ends when the server has processed it, and then
// they are found.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gate } from './gate.mjs';
import { openBlank, tree } from './harness.mjs';
import { KEY } from './server.mjs';

const FILES = {
  'tides.md': '# Tides\n\nThe moon pulls the sea up twice a day.\n',
  'bread.html': '<title>Bread</title><p>Flour, water, salt and a night in the cellar.</p>',
  'picture.png': Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64'),
};

test('an upload follows its batch by the server\'s events until it is processed; text is found, what has none is told', async (t) => {
  const folder = await tree(t, 'archive', FILES);
  const { server, page } = await openBlank(t);
  await page.choose('#files', Object.keys(FILES).map((name) => `${folder}/${name}`));
  // Whoever only asked would wait for an hour.
  const { batchId, last, phases, errors } = await followed(page, 3_600_000);
  const { status, totalFiles, processedFiles, failedFiles, progressPercentage, notice } = last;
  assert.deepEqual(
    { status, totalFiles, processedFiles, failedFiles, progressPercentage, notice },
    { status: 'completed', totalFiles: 3, processedFiles: 2, failedFiles: 1, progressPercentage: 100, notice: undefined },
  );
  assert.ok(phases.every((phase) => phase === 'following' || phase === 'complete'), phases.join());
  assert.deepEqual(errors.map(({ path, type, code, retryable }) => [path, type, code, retryable]), [['picture.png', 'validation', 'unsupported_type', false]]);

  const { results } = await server.json('/v1/search', { method: 'POST', body: { query: 'what does the moon do to the sea?', batchId } });
  assert.equal(results[0].path, 'tides.md');
  const document = await server.json(`/v1/documents/${results[0].documentId}`);
  assert.deepEqual([document.state, document.detectedType, document.chunks], ['processed', 'text/markdown', 1]);
});

test('where the server\'s events can\'t be had, it asks', async (t) => {
  const folder = await tree(t, 'archive', FILES);
  const { page, gate } = await openBlank(t, { between: Gate.before });
  gate.answer = ({ url }) => (url.endsWith('/events') ? 404 : undefined);
  await page.choose('#files', Object.keys(FILES).map((name) => `${folder}/${name}`));
  const { last } = await followed(page, 100);
  assert.deepEqual([last.status, last.processedFiles], ['completed', 2]);
  assert.equal(gate.seen.filter((request) => request.endsWith('/events')).length, 1);
});

/** Uploads what was chosen and waits for its end: the last status that was told, the phases in which statuses came, the errors. */
function followed(page, statusInterval) {
  return page.evaluate(async (apiKey, statusInterval) => {
    const { CloudIndex, Uploader, cloudindex } = await import('/dist/index.js');
    const uploader = new Uploader({ target: cloudindex({ apiKey }), tracking: { enabled: true, statusInterval } });
    let last;
    const phases = new Set();
    uploader.addEventListener('status', ({ detail }) => {
      last = detail;
      phases.add(uploader.phase);
    });
    const over = new Promise((end, fail) => {
      uploader.addEventListener('complete', end);
      uploader.addEventListener('error', ({ detail }) => fail(detail));
    });
    uploader.add(document.querySelector('#files').files);
    await over;
    const errors = await new CloudIndex({ apiKey }).batches.getErrors(uploader.batchId);
    return { batchId: uploader.batchId, last, phases: [...phases], errors };
  }, KEY, statusInterval);
}
