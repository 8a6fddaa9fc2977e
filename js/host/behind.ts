/** A reader behind a port: both its ends. */
import { Reader } from './reader.js';
import type { Cut, Outcome, Reading, Whole } from './reader.js';

type ToReader =
  | { t: 'together'; files: Whole[] }
  | { t: 'large'; file: number; stream: number; upTo: number; source: File | undefined }
  | { t: 'stop'; file: number };

/** That it is there, or what it did. */
export type FromReader = 'ready' | Outcome;

/** The host's end. */
export class Behind implements Reading {
  readonly #port: MessagePort;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  together(files: Whole[]): void {
    this.#tell({ t: 'together', files });
  }

  large(file: number, stream: number, upTo: number, source?: File): void {
    this.#tell({ t: 'large', file, stream, upTo, source });
  }

  stop(file: number): void {
    this.#tell({ t: 'stop', file });
  }

  #tell(message: ToReader): void {
    this.#port.postMessage(message);
  }
}

/** Reads in this worker for the host at the port's other end. */
export function serveReader(options: string, port: MessagePort): void {
  const say = (message: FromReader) => {
    const cuts = typeof message === 'object' && 'cuts' in message ? message.cuts : [];
    port.postMessage(message, buffers(cuts));
  };
  const reader = new Reader(options, say);
  port.onmessage = ({ data }: MessageEvent<ToReader>) => {
    if (data.t === 'together') reader.together(data.files);
    else if (data.t === 'large') reader.large(data.file, data.stream, data.upTo, data.source);
    else reader.stop(data.file);
  };
  say('ready');
}

/** Of those that share a buffer, it is named once. */
function buffers(cuts: Cut[]): ArrayBuffer[] {
  return [...new Set(cuts.flatMap(({ names, bytes }) => [names, bytes ?? names]).map(({ buffer }) => buffer as ArrayBuffer))];
}
