/** From attributes and properties to an Uploader. */
import { cloudindex } from '../targets.js';
import type { CloudIndexTarget } from '../targets.js';
import { Uploader } from '../uploader.js';
import type { UploaderOptions } from '../uploader.js';

/** What the element makes its own Uploader of: every option of `cloudindex()` and of `Uploader`, in one object. */
export type ElementOptions = Partial<UploaderOptions> & CloudIndexTarget;

type Read = (text: string) => unknown;

const text: Read = (value) => value;
const number: Read = (value) => Number(value);
const unless: Read = (value) => value !== 'false';
/** Of its own name, or just there. */
const named: Read = (value) => (value === '' || value === 'true' ? true : value !== 'false' && value);

/** Each attribute: how it is read, and where it stands in the options. */
export const ATTRIBUTES: Record<string, [Read, ...string[]]> = {
  'api-key': [text, 'apiKey'],
  'base-url': [text, 'baseUrl'],
  'wasm-url': [text, 'wasmUrl'],
  worker: [unless, 'worker'],
  'batch-id': [text, 'batchId'],
  'batch-name': [text, 'batch', 'name'],
  'auto-start': [unless, 'autoStart'],
  resume: [named, 'resume'],
  concurrency: [number, 'concurrency'],
  'batch-size': [number, 'batchSize'],
  'max-batch-bytes': [text, 'maxBatchBytes'],
  'retry-attempts': [number, 'retryAttempts'],
  timeout: [number, 'timeout'],
  'group-by': [text, 'groupBy'],
  'max-files': [number, 'limits', 'maxBatchSize'],
  'max-file-size': [text, 'limits', 'maxFileSize'],
  'total-batch-bytes': [text, 'limits', 'totalBatchBytes'],
  'max-buffer-size': [text, 'memory', 'maxBufferSize'],
  tracking: [unless, 'tracking', 'enabled'],
};

/** The attributes that are there, with the property `options` over them. */
export function gather(element: Element, own: ElementOptions): ElementOptions {
  const gathered: Record<string, unknown> = {};
  for (const [name, [read, ...path]] of Object.entries(ATTRIBUTES)) {
    const value = element.getAttribute(name);
    if (value === null) continue;
    let into = gathered;
    for (const step of path.slice(0, -1)) into = (into[step] ??= {}) as Record<string, unknown>;
    into[path.at(-1) as string] = read(value);
  }
  for (const [name, value] of Object.entries(own)) {
    const before = gathered[name];
    gathered[name] = isPlain(before) && isPlain(value) ? { ...before, ...value } : value;
  }
  return gathered as ElementOptions;
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Throws an UploadError where an option is wrong. */
export function makeUploader({ apiKey, baseUrl, getToken, fetch, worker, wasmUrl, workerUrl, batchId, batch, target, ...rest }: ElementOptions): Uploader {
  const words = Object.entries({ apiKey, baseUrl, getToken, fetch, worker, wasmUrl, workerUrl, batchId, batch });
  return new Uploader({ ...rest, target: target ?? cloudindex(Object.fromEntries(words.filter(([, value]) => value !== undefined))) });
}
