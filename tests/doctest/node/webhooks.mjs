// How a handler of webhooks is really exercised: a page uploads a batch that has its address, the server processes it and calls.
import { Webhook } from 'standardwebhooks';
import { post, Receiver } from './receiver.mjs';

/** ms after which a signature is too old to count, and some. */
const STALE = 10 * 60_000;

/** What is checked of an application's own function, by its name: the values of its calls, and the events that they tell of. */
const FUNCTIONS = {
  updateBatchStatus(calls, events) {
    const due = events.map(({ batchId, status, completedFiles, totalFiles, errors }) => [batchId, { status, progress: (completedFiles / totalFiles) * 100, errors }]);
    expect(calls.length === due.length, `updateBatchStatus was called ${calls.length} times for ${due.length} webhooks`);
    calls.forEach((call, i) => expect(same(call, due[i]), `updateBatchStatus was called with ${JSON.stringify(call)} instead of ${JSON.stringify(due[i])}`));
    const [, last] = calls.at(-1);
    expect(last.progress === 100 && last.status === 'completed', `the last progress is ${last.progress}, ${last.status}`);
  },
};

/** `path`: where the application takes webhooks, as `code` says. Returns a note of what was seen. */
export async function exerciseWebhooks({ world, application, address, path, code, secret }) {
  const receiver = await Receiver.before(address);
  try {
    // The first call finds an application that is in trouble.
    receiver.answer = (number) => (number === 0 ? 500 : undefined);
    const batchId = await world.page.evaluate((url) => globalThis.doctest.uploadTracked(url), receiver.url + path);
    const isTaken = ({ status }) => status >= 200 && status < 300;
    const isEnd = (one) => one.event.status === 'completed' && isTaken(one);
    const isRefused = (one) => one.status && !isTaken(one);
    await receiver.until('a webhook of the completed batch', (came) => came.some(isEnd) || came.slice(1).some(isRefused));

    const events = inOrder(receiver.came, batchId);
    await told(application, events);
    await delivered({ world, receiver, application, events, isEnd, seesTwins: verifies(code) });
    const webhook = new Webhook(secret);
    for (const { body, headers } of receiver.came) webhook.verify(body, headers);
    if (verifies(code)) await forgeries({ webhook, application, address: address + path, batchId, genuine: receiver.came.at(-1) });
    const [{ totalFiles, errors }] = events.slice(-1);
    return `${events.length} webhooks of ${totalFiles} files and ${errors.length} errors, signed, in order, one sent again after 500, one by hand`
      + `${verifies(code) ? '; forged and repeated ones refused' : ''}`;
  } finally {
    receiver.close();
  }
}

/** A handler with the library's name in it promises to look at signatures, and at what comes twice. */
function verifies(code) {
  return /['"]standardwebhooks['"]/.test(code);
}

/** The events that came, each once. What was refused came again, as it was, and before all that is newer. */
function inOrder(came, batchId) {
  const [first, second] = came;
  expect(first.status === 500 && second.id === first.id, `${first.id} was answered ${first.status}, and then came ${second?.id}`);
  expect(second.body.equals(first.body), `${first.id} came again with another body`);
  const events = came.slice(1).map(({ id, event, status }) => {
    expect(status >= 200 && status < 300, `the handler answered ${status} to ${JSON.stringify(event)}`);
    expect(same(Object.keys(event).sort(), ['batchId', 'completedFiles', 'errors', 'status', 'totalFiles']), `${id} has ${Object.keys(event)}`);
    expect(event.batchId === batchId, `${id} is of batch ${event.batchId}`);
    return event;
  });
  expect(new Set(came.map(({ id }) => id)).size === events.length, 'an acknowledged webhook came again');
  const counts = events.map(({ completedFiles }) => completedFiles);
  expect(same(counts, [...counts].sort((a, b) => a - b)), `completedFiles falls: ${counts}`);
  const { completedFiles, totalFiles, errors } = events.at(-1);
  expect(completedFiles === totalFiles && totalFiles > 1, `the batch is completed with ${completedFiles} of ${totalFiles} files`);
  expect(errors.length === 1 && errors[0].type === 'validation', `its errors are ${JSON.stringify(errors)}`);
  return events;
}

/** Calls of the application's own functions that are about this batch. */
function about(batchId, calls) {
  return calls.filter(({ values }) => JSON.stringify(values).includes(batchId));
}

/** The application's own functions heard of every event, in that order. */
async function told(application, events) {
  const [{ batchId }] = events;
  const isEnd = ({ values }) => JSON.stringify(values).includes('"completed"');
  await application.until('a call of the application for the completed batch', (calls) => about(batchId, calls).some(isEnd));
  await application.settled();
  for (const [name, check] of Object.entries(FUNCTIONS)) {
    const calls = application.calls.filter((call) => call.name === name).map(({ values }) => values);
    if (calls.length > 0) check(calls, events);
  }
}

/** All is on record, and can be sent again. */
async function delivered({ world, receiver, application, events, isEnd, seesTwins }) {
  const [{ batchId }] = events;
  const path = `/v1/batches/${batchId}/deliveries`;
  // An answer is on record a moment after it was given.
  const rows = await eventually('every delivery on record', async () => {
    const rows = [];
    for await (const row of world.server.list(path, 'deliveries')) rows.push(row);
    return rows.every(({ state }) => state === 'delivered') && rows;
  });
  const ids = receiver.came.slice(1).map(({ id }) => id);
  expect(same(rows.map(({ id }) => id), ids), `on record are ${rows.map(({ id }) => id)}, and there came ${ids}`);
  expect(same(rows.map(({ event }) => event), events), 'events on record are not those that came');
  expect(rows[0].attempts === 2 && rows.slice(1).every(({ attempts }) => attempts === 1), `attempts: ${rows.map(({ attempts }) => attempts)}`);

  const before = receiver.came.length;
  const heard = about(batchId, application.calls).length;
  const { id } = rows.at(-1);
  await world.server.json(`${path}/${id}/resend`, { method: 'POST' });
  await receiver.until(`${id} once more`, (came) => came.slice(before).some((one) => one.id === id && isEnd(one)));
  await application.settled();
  const more = about(batchId, application.calls).length - heard;
  if (seesTwins) expect(more === 0, `what had been seen was told to the application again: ${JSON.stringify(application.calls.at(-1))}`);
  else expect(more === heard / events.length, `${more} calls for a webhook that was sent again`);
}

/** What the server did not send is refused, and changes nothing. */
async function forgeries({ webhook, application, address, batchId, genuine: { headers, body } }) {
  const heard = () => about(batchId, application.calls).length;
  const before = heard();
  const type = { 'content-type': 'application/json' };
  const changed = Buffer.from(JSON.stringify({ ...JSON.parse(body), completedFiles: 0 }));
  const signed = (at, by = webhook) => ({
    ...type, 'webhook-id': 'msg_other', 'webhook-timestamp': String(Math.floor(at / 1000)), 'webhook-signature': by.sign('msg_other', new Date(at), body.toString()),
  });
  const forged = {
    'another body': { headers: { ...headers, 'content-length': changed.length }, body: changed },
    'another id': { headers: { ...headers, 'webhook-id': 'msg_other' }, body },
    'another secret': { headers: signed(Date.now(), new Webhook(Buffer.alloc(24, 7).toString('base64'))), body },
    'an old signature': { headers: signed(Date.now() - STALE), body },
    'no signature': { headers: type, body },
  };
  for (const [how, request] of Object.entries(forged)) {
    const status = await post(address, request);
    expect(status >= 400 && status < 500, `a forgery with ${how} was answered ${status}`);
  }
  await application.settled();
  expect(heard() === before, `a forgery was told to the application: ${JSON.stringify(application.calls.at(-1))}`);
  // Nothing of them spoils what is well signed.
  const status = await post(address, { headers: signed(Date.now()), body });
  expect(status >= 200 && status < 300, `the same with a good signature was answered ${status}`);
  await application.until('a call for it', () => heard() === before + 1);
}

async function eventually(what, check) {
  const end = performance.now() + 30_000;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (performance.now() > end) throw new Error(`${what}: not after 30 s`);
    await new Promise((next) => setTimeout(next, 50));
  }
}

function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

function expect(condition, message) {
  if (!condition) throw new Error(message);
}
