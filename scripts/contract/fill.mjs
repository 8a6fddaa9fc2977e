// What a server has after a while: a batch that is done, with documents that were processed and that failed, and webhooks that
// were delivered; batches that are open; one that was cancelled.
import { createServer } from 'node:http';
import { once } from 'node:events';

// Contents and the names of their blocks: BLAKE3, which Node lacks. Were they wrong, the server would say so.
const TEXT = ['The moon pulls the sea up twice a day.\n', '8617c481fde35ab53efa3b87ffccacd6135b026d5c2799992e6977712e702a54'];
const PICTURE = ['GIF89a', 'd731a5286f80d502959779b9cabf0322dc72f3cba2cd21d11d5ac5ff1dc30a66'];

/** Puts all that into the server; tells ids (and some of nothing), more of what calls end or remove. */
export async function fill(server) {
  const receiver = createServer((request, response) => request.resume().on('end', () => response.writeHead(204).end()));
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const webhookUrl = `http://127.0.0.1:${receiver.address().port}/`;

  const batch = (more) => server.json('/v1/batches', { method: 'POST', body: { metadata: { season: 'spring' }, ...more } });
  const { id: done } = await batch({ name: 'done', tracking: { webhookUrl } });
  await send(server, done, Array.from({ length: 20 }, (_, i) => [`texts/${i}.txt`, TEXT]).concat([['picture.gif', PICTURE]]));
  await server.json(`/v1/batches/${done}/complete`, { method: 'POST' });
  await completed(server, done);

  const { id: cancelled } = await batch({ name: 'cancelled' });
  await server.json(`/v1/batches/${cancelled}/cancel`, { method: 'POST' });
  const open = await Promise.all(Array.from({ length: 20 }, (_, i) => batch({ name: `open ${i}` })));
  const { id: taking } = await batch({ name: 'taking' });

  const documents = [];
  for await (const document of server.list(`/v1/batches/${done}/documents`, 'documents')) documents.push(document.id);
  const deliveries = [];
  for await (const delivery of server.list(`/v1/batches/${done}/deliveries`, 'deliveries')) deliveries.push(delivery.id);
  const strange = Array.from({ length: 12 }, (_, i) => `nothing-${i}`);
  const batches = [done, cancelled, ...open.map(({ id }) => id), ...strange];
  return {
    lists: {
      batches,
      done: [done],
      taking: [taking],
      documents: [...documents, ...strange],
      deliveries: [...deliveries, ...strange],
      receivers: [webhookUrl],
    },
    end: () => {
      receiver.close();
      receiver.closeAllConnections();
    },
  };
}

/** One bundle of whole files. */
async function send(server, batch, files) {
  const form = new FormData();
  const documents = files.map(([path, [content, digest]]) => ({ path, size: content.length, type: 'text/plain', blocks: [[digest, content.length]] }));
  form.append('manifest', new Blob([JSON.stringify({ documents })], { type: 'application/json' }));
  for (const [content, digest] of new Set(files.map(([, file]) => file))) form.append(digest, new Blob([content]));
  const response = await fetch(`${server.url}/v1/batches/${batch}/documents`, { method: 'POST', headers: { authorization: `Bearer ${server.key}` }, body: form });
  const reply = await response.json();
  const wrong = reply.documents?.filter(({ status }) => status !== 'committed') ?? [reply];
  if (wrong.length > 0) throw new Error(`the server did not take a document: ${JSON.stringify(wrong[0])}`);
}

/** The events of a batch end when it has. */
async function completed(server, batch) {
  for await (const _ of await server.request(`/v1/batches/${batch}/events`));
}
