// What Uppy's own tests ask of an uploader plugin, asked of this one: events, state and results of @uppy/core, in a real browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openApp } from './app.mjs';

const scenario = (name, body) => test(name, { timeout: 60_000 }, async (t) => body(await openApp(t, 'uppy-core.js'), t));

scenario('a file that arrived: events in order, state, response, result', async ({ page, server }) => {
  const { told, progress, response, total, result, started } = await page.evaluate(async () => {
    const before = Date.now();
    app.start();
    app.add({ 'a.txt': 'hello' });
    const result = app.result(await app.uppy.upload());
    const { progress, response } = app.file('a.txt');
    await new Promise((resolve) => {
      if (app.uppy.getState().totalProgress === 100) return resolve();
      app.uppy.on('progress', (percent) => percent === 100 && resolve()); // Uppy tells it twice a second.
    });
    return { told: app.told, progress, response, result, total: app.uppy.getState().totalProgress, started: progress.uploadStarted >= before };
  });
  const order = told.map(([event]) => event).filter((event) => ['upload', 'upload-start', 'upload-success', 'complete'].includes(event));
  assert.deepEqual(order, ['upload', 'upload-start', 'upload-success', 'complete']);
  const { uploadStarted, ...rest } = progress;
  assert.deepEqual(rest, { uploadComplete: true, complete: true, percentage: 100, bytesUploaded: 5, bytesTotal: 5 });
  assert.ok(started, `uploadStarted ${uploadStarted}`);
  assert.equal(response.status, 200);
  assert.deepEqual(response.body, { documentId: response.body.documentId, batchId: await server.newestBatch() });
  assert.deepEqual(result, { successful: ['a.txt'], failed: [], id: 'string' });
  assert.equal(total, 100);
});

scenario('a file that is refused: its file, error and response in the event and in the state; the others arrive', async ({ page, gate }) => {
  gate.answer = ({ url }) => (url.includes('/documents') || url.includes('/bundle') ? 403 : undefined);
  const said = await page.evaluate(async () => {
    app.start();
    app.add({ 'a.txt': 'hello' });
    const result = app.result(await app.uppy.upload());
    const [file, error, response] = app.last['upload-error'];
    return { result, name: file.name, message: error.message, status: response?.status, state: app.file('a.txt'), shown: app.uppy.getState().info.map(({ message, details }) => [message, details]) };
  });
  assert.deepEqual(said.result, { successful: [], failed: ['a.txt'], id: 'string' });
  assert.deepEqual([said.name, said.status, said.state.response?.status], ['a.txt', 403, 403]);
  assert.equal(said.state.error, said.message);
  assert.deepEqual(said.shown, [['Failed to upload a.txt', said.message]]);
  assert.equal(said.state.progress.uploadComplete, false);
});

scenario('a request that fails once is tried again, and Uppy hears nothing of it', async ({ page, gate }) => {
  let failures = 2;
  gate.answer = () => (failures-- > 0 ? 503 : undefined);
  const said = await page.evaluate(async () => {
    app.start({}, { retryStrategy: { backoff: { initial: 10 } } });
    app.add({ 'a.txt': 'hello', 'b.txt': 'world' });
    return { result: app.result(await app.uppy.upload()), errors: app.heard('upload-error') };
  });
  assert.deepEqual(said, { result: { successful: ['a.txt', 'b.txt'], failed: [], id: 'string' }, errors: [] });
});

scenario('an upload of nothing tells of no file', async ({ page, gate }) => {
  const said = await page.evaluate(async () => {
    app.start();
    return { result: app.result(await app.uppy.upload()), told: app.told.map(([event]) => event) };
  });
  assert.deepEqual(said, { result: { successful: [], failed: [], id: 'string' }, told: ['upload', 'complete'] });
  assert.deepEqual(gate.seen, []);
});

scenario('empty files arrive, and are whole', async ({ page }) => {
  const said = await page.evaluate(async () => {
    app.start();
    app.add({ 'empty.txt': '' });
    const result = app.result(await app.uppy.upload());
    const { percentage, uploadComplete } = app.file('empty.txt').progress;
    return { result, percentage, uploadComplete };
  });
  assert.deepEqual(said, { result: { successful: ['empty.txt'], failed: [], id: 'string' }, percentage: 100, uploadComplete: true });
});

scenario('preprocessors and postprocessors: what one removes is not sent, what it changes is what is sent, both add to the result', async ({ page, server }) => {
  const said = await page.evaluate(async () => {
    app.start();
    const seen = [];
    app.uppy.addPreProcessor(async (ids, uploadID) => {
      app.uppy.addResultData(uploadID, { pre: 'done' });
      for (const id of ids) {
        if (app.uppy.getFile(id).name === 'gone.txt') app.uppy.removeFile(id);
        else app.uppy.setFileState(id, { data: new Blob(['changed']), size: 7 });
      }
    });
    app.uppy.addPostProcessor(async (ids) => { seen.push(...ids.map((id) => app.uppy.getFile(id).progress.uploadComplete)); });
    app.add({ 'gone.txt': '1', 'kept.txt': '2' });
    const { pre, ...rest } = await app.uppy.upload();
    return { pre, seen, result: app.result(rest), starts: app.heard('upload-start'), id: app.file('kept.txt').response.body.documentId, progress: app.file('kept.txt').progress };
  });
  assert.deepEqual([said.pre, said.seen, said.result, said.starts], ['done', [true], { successful: ['kept.txt'], failed: [], id: 'string' }, ['kept.txt']]);
  assert.equal(said.progress.complete, true);
  let text = '';
  for await (const chunk of await server.request(`/v1/documents/${said.id}/content`)) text += chunk;
  assert.equal(text, 'changed');
});

scenario('upload() again tries what failed and sends what is new, and is complete once; a third time sends nothing', async ({ page, gate }) => {
  gate.answer = () => 401;
  const first = await page.evaluate(async () => {
    app.start();
    app.add({ 'a.txt': 'a' });
    return app.result(await app.uppy.upload());
  });
  assert.deepEqual(first, { successful: [], failed: ['a.txt'], id: 'string' });
  gate.answer = () => undefined;
  const second = await page.evaluate(async () => {
    app.told.length = 0;
    app.add({ 'b.txt': 'b' });
    await app.uppy.upload();
    return { starts: app.heard('upload-start').sort(), success: app.heard('upload-success').sort(), complete: app.heard('complete').length, errors: app.heard('upload-error') };
  });
  assert.deepEqual(second, { starts: ['a.txt', 'b.txt'], success: ['a.txt', 'b.txt'], complete: 1, errors: [] });
  const sent = gate.seen.length;
  const third = await page.evaluate(async () => app.result(await app.uppy.upload()));
  const nothing = await page.evaluate(async () => app.result(await app.uppy.retryAll()));
  assert.deepEqual([third, nothing], [{ successful: [], failed: [], id: 'string' }, { successful: [], failed: [], id: 'undefined' }]);
  assert.equal(gate.seen.slice(sent).filter((line) => /bundle|documents/.test(line)).length, 0);
});

scenario('files added while others go up: two uploads side by side, each with its own result, in one batch', async ({ page, gate, server }) => {
  gate.hold();
  await page.evaluate(() => {
    app.start();
    app.add({ 'a.txt': 'a', 'b.txt': 'b' });
    app.first = app.uppy.upload();
    app.add({ 'c.txt': 'c' });
    app.second = app.uppy.upload();
  });
  await page.waitFor(() => app.heard('upload-start').length === 2);
  gate.release();
  const said = await page.evaluate(async () => [app.result(await app.first), app.result(await app.second), app.heard('upload-start')]);
  assert.deepEqual(said, [
    { successful: ['a.txt', 'b.txt'], failed: [], id: 'string' }, { successful: ['c.txt'], failed: [], id: 'string' }, ['a.txt,b.txt', 'c.txt'],
  ]);
  assert.equal((await batches(server)).length, 1);
});

scenario('uploads one after another; a name that arrived may come again', async ({ page, server }) => {
  const said = await page.evaluate(async () => {
    app.start();
    const results = [];
    for (const text of ['first', 'second one']) {
      app.add({ 'same.txt': text });
      results.push(app.result(await app.uppy.upload()));
    }
    return { results, errors: app.last['upload-error']?.[1].message, ids: app.uppy.getFiles().map(({ response }) => response?.body?.documentId) };
  });
  assert.equal(said.errors, undefined);
  assert.deepEqual(said.results.map(({ successful }) => successful), [['same.txt'], ['same.txt']]);
  const texts = await Promise.all(said.ids.map(async (id) => {
    let text = '';
    for await (const chunk of await server.request(`/v1/documents/${id}/content`)) text += chunk;
    return text;
  }));
  assert.deepEqual(texts, ['first', 'second one']);
});

scenario('a file paused before the upload starts waits until it is resumed', async ({ page, gate }) => {
  gate.hold();
  await page.evaluate(() => {
    app.start();
    const [, b] = app.add({ 'a.txt': 'a', 'b.txt': 'b' });
    app.uppy.pauseResume(b);
    app.uppy.upload().then((result) => { app.done = app.result(result); });
  });
  gate.release();
  await page.waitFor(() => app.heard('upload-success').length > 0);
  assert.deepEqual(await page.evaluate(() => [app.heard('upload-success'), app.done === undefined]), [['a.txt'], true]);
  await page.evaluate(() => app.uppy.pauseResume(app.file('b.txt').id));
  await page.waitFor(() => app.done !== undefined);
  assert.deepEqual(await page.evaluate(() => app.done.successful), ['a.txt', 'b.txt']);
});

scenario('retryUpload sends that file alone, and its progress begins anew', async ({ page, gate }) => {
  gate.answer = () => 401;
  await page.evaluate(async () => {
    app.start();
    app.add({ 'a.txt': 'a', 'b.txt': 'b' });
    await app.uppy.upload();
    app.told.length = 0;
  });
  gate.answer = () => undefined;
  const said = await page.evaluate(async () => {
    const result = app.result(await app.uppy.retryUpload(app.file('b.txt').id));
    return { result, starts: app.heard('upload-start'), success: app.heard('upload-success'), error: app.file('b.txt').error, other: Boolean(app.file('a.txt').error) };
  });
  assert.deepEqual(said, { result: { successful: ['b.txt'], failed: [], id: 'string' }, starts: ['b.txt'], success: ['b.txt'], error: null, other: true });
});

scenario('no event tells of a file after it was removed, and totals forget it', async ({ page, gate }) => {
  gate.hold();
  await page.evaluate(() => {
    app.start();
    app.add({ 'a.txt': 'a', 'b.txt': 'b'.repeat(3_000_000) });
    app.uppy.upload().then((result) => { app.done = app.result(result); });
  });
  await page.waitFor(() => app.heard('upload-start').length > 0);
  await page.evaluate(() => app.uppy.removeFile(app.file('b.txt').id));
  gate.release();
  await page.waitFor(() => app.done !== undefined);
  const said = await page.evaluate(() => {
    const at = app.told.findIndex(([event]) => event === 'file-removed');
    return { done: app.done, after: app.told.slice(at + 1).filter(([, names]) => names.includes('b.txt')), left: app.uppy.getFiles().length };
  });
  assert.deepEqual(said, { done: { successful: ['a.txt'], failed: [], id: 'string' }, after: [], left: 1 });
});

scenario('all files removed: the upload ends with nothing, and another may begin', async ({ page, gate }) => {
  gate.hold();
  await page.evaluate(() => {
    app.start({ allowMultipleUploadBatches: false });
    app.add({ 'a.txt': 'a' });
    app.uppy.upload().then((result) => { app.done = app.result(result); });
  });
  await page.waitFor(() => app.heard('upload-start').length > 0);
  await page.evaluate(() => app.uppy.cancelAll());
  await page.waitFor(() => app.done !== undefined);
  gate.release();
  const said = await page.evaluate(async () => {
    app.add({ 'a.txt': 'a' });
    return [app.done, app.result(await app.uppy.upload())];
  });
  assert.deepEqual(said, [{ successful: [], failed: [], id: 'string' }, { successful: ['a.txt'], failed: [], id: 'string' }]);
});

scenario('cleared at once after all arrived, the batch is completed, not cancelled', async ({ page, server }) => {
  const result = await page.evaluate(async () => {
    app.start();
    app.add({ 'a.txt': 'a' });
    const result = app.result(await app.uppy.upload());
    app.uppy.cancelAll();
    return result;
  });
  assert.deepEqual(result.successful, ['a.txt']);
  const [{ id }] = await batches(server);
  const status = await page.waitFor(async (batch) => {
    const { status } = await (await fetch(`v1/batches/${batch}`, { headers: { authorization: `Bearer ${app.apiKey}` } })).json();
    return status !== 'open' && status;
  }, { args: [id] });
  assert.notEqual(status, 'cancelled');
});

scenario('cleared while files go up: nothing is told of files that Uppy has dropped, and others may come', async ({ page, gate }) => {
  gate.hold();
  await page.evaluate(() => {
    app.start();
    app.wrong = 0;
    for (const event of ['upload-progress', 'upload-success', 'upload-error']) app.uppy.on(event, (file) => { if (!file) app.wrong++; });
    app.add({ 'a.txt': 'a', 'b.txt': 'b'.repeat(2_000_000) });
    // Uppy itself stumbles over the files that it dropped: its promise rejects.
    app.uppy.upload().catch(() => {}).finally(() => { app.done = 'ended'; });
  });
  await page.waitFor(() => app.heard('upload-start').length > 0);
  await page.evaluate(() => app.uppy.clear());
  gate.release();
  await page.waitFor(() => app.done !== undefined);
  const said = await page.evaluate(async () => {
    app.add({ 'c.txt': 'c' });
    return { result: app.result(await app.uppy.upload()), wrong: app.wrong };
  });
  assert.deepEqual(said, { result: { successful: ['c.txt'], failed: [], id: 'string' }, wrong: 0 });
});

scenario("a store that lets nobody change its state: the plugin changes it only through Uppy", async ({ page }) => {
  const said = await page.evaluate(async () => {
    app.start({ store: app.store() });
    app.add({ 'a.txt': 'a', 'b.txt': 'b' });
    app.uppy.pauseAll();
    app.uppy.resumeAll();
    return app.result(await app.uppy.upload());
  });
  assert.deepEqual(said, { successful: ['a.txt', 'b.txt'], failed: [], id: 'string' });
  assert.deepEqual(page.log.filter((line) => /uncaught|read only/.test(line)), []);
});

scenario('a file of a remote provider fails with a reason, the others arrive', async ({ page }) => {
  const said = await page.evaluate(async () => {
    app.start();
    app.add({ 'a.txt': 'a' });
    app.uppy.addFile({ name: 'remote.txt', data: { size: 5 }, isRemote: true, remote: { companionUrl: 'https://example.test', url: '', body: {}, provider: 'drive', requestClientId: 'x' } });
    return { result: app.result(await app.uppy.upload()), error: app.file('remote.txt').error };
  });
  assert.deepEqual(said.result, { successful: ['a.txt'], failed: ['remote.txt'], id: 'string' });
  assert.match(said.error, /remote provider/);
});

scenario('what Golden Retriever brings back: what arrived stays, what was begun is not told anew, a ghost says what it lacks', async ({ page }) => {
  const said = await page.evaluate(async () => {
    app.start();
    const [done, begun, ghost] = app.add({ 'done.txt': '1', 'begun.txt': '2', 'ghost.txt': '3' });
    const { files } = app.uppy.getState();
    const at = (id, progress, more) => ({ ...files[id], isRestored: true, progress: { ...files[id].progress, uploadStarted: 5, ...progress }, ...more });
    app.uppy.setState({
      files: {
        [done]: at(done, { uploadComplete: true, complete: true, percentage: 100 }),
        [begun]: at(begun, { bytesUploaded: 1 }),
        [ghost]: at(ghost, {}, { isGhost: true, data: undefined }),
      },
      currentUploads: { before: { fileIDs: [done, begun, ghost], step: 0, result: {} } },
    });
    const result = app.result(await app.uppy.restore('before'));
    const starts = app.heard('upload-start');
    const error = app.file('ghost.txt').error;
    // Chosen again, it is a ghost no more.
    app.uppy.setFileState(ghost, { isGhost: false, data: new Blob(['3']) });
    const again = app.result(await app.uppy.retryAll());
    return { result, starts, success: app.heard('upload-success'), error, again };
  });
  assert.deepEqual(said.result, { successful: ['begun.txt', 'done.txt'], failed: ['ghost.txt'], id: 'string' });
  assert.deepEqual(said.success, ['begun.txt', 'ghost.txt']);
  assert.deepEqual(said.starts, []);
  assert.doesNotMatch(said.error, /remote/);
  assert.match(said.error, /again/);
  assert.deepEqual(said.again.successful, ['ghost.txt']);
});

scenario('what can be done is said while the plugin is there; taken out, it hears nothing more and what was under way has failed', async ({ page, gate }) => {
  gate.hold();
  await page.inNewWorkers(() => {});
  const before = await page.evaluate(() => {
    app.start();
    app.add({ 'a.txt': 'a' });
    app.uppy.upload().then((result) => { app.done = app.result(result); });
    return app.uppy.getState().capabilities;
  });
  assert.deepEqual(before, { uploadProgress: true, individualCancellation: true, resumableUploads: true });
  await page.waitFor(() => app.heard('upload-start').length > 0);
  await page.evaluate(() => app.uppy.removePlugin(app.uppy.getPlugin('CloudIndex')));
  await page.waitFor(() => app.done !== undefined);
  const said = await page.evaluate(() => ({ done: app.done, resumable: app.uppy.getState().capabilities.resumableUploads, error: app.file('a.txt').error }));
  assert.deepEqual(said, { done: { successful: [], failed: ['a.txt'], id: 'string' }, resumable: false, error: said.error });
  assert.ok(said.error);
  await page.workersEnd();
  gate.release();
  // Another instance takes over, and nothing of the first answers for it.
  const after = await page.evaluate(async () => {
    app.uppy.use(app.CloudIndexPlugin, { target: app.cloudindex({ apiKey: app.apiKey }) });
    return app.result(await app.uppy.retryAll());
  });
  assert.deepEqual(after, { successful: ['a.txt'], failed: [], id: 'string' });
});

scenario('destroyed while it uploads: the workers end, and nothing is thrown', async ({ page, gate }) => {
  gate.hold();
  await page.inNewWorkers(() => {});
  await page.evaluate(() => {
    app.start();
    app.add({ 'a.txt': 'a' });
    app.uppy.upload().then((result) => { app.done = app.result(result); });
  });
  await page.waitFor(() => app.heard('upload-start').length > 0);
  while (gate.seen.length === 0) await page.evaluate(() => new Promise((frame) => requestAnimationFrame(() => frame())));
  await page.evaluate(() => app.uppy.destroy());
  await page.waitFor(() => app.done !== undefined);
  assert.deepEqual(await page.evaluate(() => app.done), { successful: [], failed: [], id: 'string' });
  gate.release();
  await page.workersEnd();
  assert.deepEqual(page.log.filter((line) => /uncaught/.test(line)), []);
});

scenario('options changed by setOptions count for the next upload; a wrong one is refused when the plugin is used', async ({ page, server }) => {
  const said = await page.evaluate(async () => {
    app.start({}, { target: app.cloudindex({ apiKey: 'not yet known' }), allowedMetaFields: false });
    app.uppy.getPlugin('CloudIndex').setOptions({ target: app.cloudindex({ apiKey: app.apiKey }), allowedMetaFields: ['colour'] });
    app.add({ 'a.txt': 'a' }, { meta: { colour: 'blue', secret: 'no' } });
    const result = app.result(await app.uppy.upload());
    let refused;
    try {
      app.start({}, { target: 'https://example.test' });
    } catch ({ code }) {
      refused = code;
    }
    return { result, refused };
  });
  assert.deepEqual(said, { result: { successful: ['a.txt'], failed: [], id: 'string' }, refused: 'invalid_option' });
  const [{ id }] = (await server.json(`/v1/batches/${await server.newestBatch()}/documents`)).documents;
  const { metadata } = await server.json(`/v1/documents/${id}`);
  assert.deepEqual(metadata, { colour: 'blue' });
});

async function batches(server) {
  const found = [];
  for await (const batch of server.list('/v1/batches', 'batches')) found.push(batch);
  return found;
}
