/** Requests by `fetch`, in a page or a worker, or by the application's own `fetch`. */
import { describe } from '../../src/say.js';
import { joined } from './bytes.js';

export type Fetch = typeof globalThis.fetch;

/** A request as the engine has told it, part by part. */
export interface Request {
  method: string;
  url: string;
  headers: Record<string, string>;
  /** Bytes from memory, and slices of files. */
  parts: (Uint8Array<ArrayBuffer> | Blob)[];
  /** Whose slices: where no answer comes, one of them may be the cause. */
  files: number[];
  /** Why the body can't be had. */
  missing: string | undefined;
  packed: boolean;
}

/** Hears how attempts go, unless they are called off. */
export interface Report {
  /** The body is packed, has so many bytes, and leaves; NaN: packing can't be done here, it leaves as it is. */
  packed(attempt: number, bytes: number): void;
  reply(attempt: number, status: number, retryAfter: string | undefined, body: Uint8Array): void;
  /** No answer came. `files`: of these the browser took bytes. */
  noReply(attempt: number, reason: string, files: number[]): void;
}

export class Http {
  readonly #fetch: Fetch | undefined;
  readonly #report: Report;
  /** Attempts in flight. One that is called off is not here any more, and so reports nothing. */
  readonly #flights = new Map<number, AbortController>();

  /** `own`: the application's fetch; undefined: the browser's. */
  constructor(own: Fetch | undefined, report: Report) {
    this.#fetch = own;
    this.#report = report;
  }

  /** Starts the attempt. */
  send(attempt: number, request: Request): void {
    const controller = new AbortController();
    this.#flights.set(attempt, controller);
    this.#send(attempt, request, controller.signal).catch((error: unknown) => {
      if (this.#flights.delete(attempt)) this.#report.noReply(attempt, describe(error), request.files);
    });
  }

  async #send(attempt: number, { method, url, headers, parts, files, missing, packed }: Request, signal: AbortSignal): Promise<void> {
    if (missing) throw new TypeError(missing);
    // An address and plain options, because that is what applications' functions look at; and a `Request` costs more.
    // A cached status is a lie, and bundles need no place in a cache.
    const options: Options = { method, headers, body: join(parts), cache: 'no-store', signal };
    if (packed) {
      const bytes = await pack(options).catch((error: unknown) => {
        // It may be one of them that can't be read, and not packing that can't be done.
        if (files.length > 0) throw error;
        return NaN;
      });
      // It may be called off, before or by what is said to this.
      if (this.#flights.has(attempt)) this.#report.packed(attempt, bytes);
      if (!this.#flights.has(attempt)) return;
    }
    const [status, retryAfter, body] = await exchange(this.#fetch, url, options as RequestInit);
    if (this.#flights.delete(attempt)) this.#report.reply(attempt, status, retryAfter, body);
  }

  /** Calls an attempt off. */
  abort(attempt: number): void {
    const controller = this.#flights.get(attempt);
    this.#flights.delete(attempt);
    controller?.abort();
  }

  abortAll(): void {
    for (const attempt of [...this.#flights.keys()]) this.abort(attempt);
  }
}

interface Options {
  method: string;
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer> | Blob | ArrayBuffer | undefined;
  cache: 'no-store';
  signal: AbortSignal;
}

/** A body of all parts: one array, or a Blob where some of them are still in files; undefined if there are none. */
function join(parts: Request['parts']): Options['body'] {
  if (parts.some((part) => part instanceof Blob)) return new Blob(parts);
  return parts.length === 0 ? undefined : joined(parts as Uint8Array[]);
}

/**
 * Packs the body that fetch would send with these options, and tells its bytes. Rejects where there is no CompressionStream,
 * and when it is called off; the body is then as it was.
 */
async function pack(options: Options): Promise<number> {
  const body = options.body as Uint8Array<ArrayBuffer> | Blob;
  let at = 0;
  // Chromium packs on this very thread, a Blob as it is read. In slices with a turn of the event loop between them it holds up
  // nothing for long; a timer in place of the port would be slower.
  const slices = body instanceof Blob ? body.stream() : new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(stream) {
      await new Promise<void>((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => resolve(port1.close());
        port2.postMessage(0);
      });
      if (at === body.length) return stream.close();
      stream.enqueue(body.subarray(at, (at = Math.min(at + 262_144, body.length))));
    },
  });
  // Of the options a pipe knows the signal.
  const packed = await new Response(slices.pipeThrough(new CompressionStream('gzip'), { signal: options.signal })).arrayBuffer();
  options.body = packed;
  options.headers['Content-Encoding'] = 'gzip';
  return packed.byteLength;
}

/** Status, `Retry-After` and bytes of the answer. */
async function exchange(own: Fetch | undefined, url: string, options: RequestInit): Promise<[number, string | undefined, Uint8Array]> {
  // A path belongs to the page's origin; a worker made from a blob would resolve it against the blob.
  const response = await (own ?? fetch)(url[0] === '/' ? location.origin + url : url, options);
  // By its looks, because an application's fetch may answer with a response of another frame or of its own making.
  if (!(response?.status >= 0)) throw new TypeError('fetch gave no Response');
  const bytes = await response.arrayBuffer();
  if (!bytes?.slice) throw new TypeError('fetch gave a Response without bytes');
  return [response.status, response.headers?.get?.('retry-after') ?? undefined, new Uint8Array(bytes)];
}
