/** A server that is a `fetch`: it commits every document whose blocks it holds; what it has is in `files`, path by path. */
export class Toy {
  files = new Map();
  requests = [];
  /** So many requests are refused first. */
  busy = 0;
  token = 'good';
  /** What ends with this is never answered. */
  silent;
  #blocks = new Map();

  fetch = async (...call) => {
    try {
      return await this.#answer(...call);
    } catch (error) {
      console.error(`toy: ${error.stack}`);
      throw error;
    }
  };

  /** All bytes of the file. */
  async content(path) {
    return new Uint8Array(await new Blob(this.files.get(path)).arrayBuffer());
  }

  async #answer(url, { method, headers, body, signal }) {
    const path = new URL(url).pathname;
    this.requests.push(`${method} ${path}`);
    await new Promise((resolve) => { setTimeout(resolve, 5); });
    if (signal.aborted) throw signal.reason;
    if (this.silent && path.endsWith(this.silent)) return new Promise(() => {});
    if (headers.Authorization !== `Bearer ${this.token}`) return json({ code: 'unauthorized', status: 401, title: 'no' }, 401);
    if (this.busy-- > 0) return new Response('', { status: 503, headers: { 'Retry-After': '0' } });
    if (path === '/v1/batches' || ['/complete', '/cancel', '/v1/batches/b'].some((end) => path.endsWith(end))) {
      return json(BATCH, method === 'POST' ? 201 : 200);
    }
    const acks = [];
    let manifest;
    const sent = new Uint8Array(await new Response(body).arrayBuffer());
    for (const [name, bytes] of parts(sent, headers['Content-Type'].split('boundary=')[1])) {
      if (name === 'manifest') {
        manifest = JSON.parse(new TextDecoder().decode(bytes));
        continue;
      }
      this.#blocks.set(name, bytes);
      acks.push({ digest: name, status: 'stored' });
    }
    if (path.endsWith('/blocks')) {
      for (const [digest] of manifest?.blocks ?? []) acks.push({ digest, status: this.#blocks.has(digest) ? 'duplicate' : 'missing' });
      return json({ blocks: acks });
    }
    return json({ documents: manifest.documents.map((document) => this.#commit(document)), blocks: acks });
  }

  #commit({ path, blocks }) {
    const missing = blocks.map(([digest]) => digest).filter((digest) => !this.#blocks.has(digest));
    if (missing.length > 0) return { path, status: 'incomplete', missing };
    this.files.set(path, blocks.map(([digest]) => this.#blocks.get(digest)));
    return { path, status: 'committed', id: `d-${path}` };
  }
}

const BATCH = {
  id: 'b', limits: {}, batchId: 'b', status: 'open', totalFiles: 0, processedFiles: 0, failedFiles: 0, progressPercentage: 0, bytes: 0,
  startedAt: null, estimatedCompletion: null,
  caps: { bundleBytes: 8 << 20, blockBytes: 4 << 20, bundleDocuments: 1000, encodings: [], digest: 'blake3-256' },
};

function json(value, status = 200) {
  return new Response(JSON.stringify(value), { status });
}

/** Names and bytes of the parts of a form. */
function parts(body, boundary) {
  // As many letters as bytes, so that places in it are places in the body.
  const text = new TextDecoder('latin1').decode(body);
  const found = [];
  let at = text.indexOf(`--${boundary}\r\n`);
  for (;;) {
    const head = text.indexOf('\r\n\r\n', at);
    const end = text.indexOf(`\r\n--${boundary}`, head + 2);
    if (head < 0 || end < 0) return found;
    found.push([/name="([^"]*)"/.exec(text.slice(at, head))[1], body.slice(head + 4, end)]);
    at = end + 2;
  }
}
