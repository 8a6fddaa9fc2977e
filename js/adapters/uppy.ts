/** An uploader plugin for Uppy: its Dashboard, its restrictions and its events, with the files going up in bundles. */
import { BasePlugin } from '@uppy/core';
import type { Body, Meta, PluginOpts, Uppy, UppyFile } from '@uppy/core';
import { invalid } from '../errors.js';
import type { UploadError } from '../errors.js';
import { Together } from './together.js';
import type { Ticket, TogetherOptions } from './together.js';

/** The options of an upload, its target among them, and those of an Uppy plugin. */
export interface CloudIndexPluginOptions extends PluginOpts, TogetherOptions {
  /** Which of a file's `meta` are stored with its document: all (the default), none, or those named. */
  allowedMetaFields?: boolean | string[];
}

/** What `upload-success` has as `response.body`. */
export interface CloudIndexBody extends Body {
  documentId: string;
  batchId: string;
}

/** ms: Uppy hands over all files of an upload at once; what is chosen next may still join them. */
const QUIET = 1_000;

/** A file of an upload that Uppy waits for. */
interface Upload {
  ticket: Ticket;
  /** What Uppy had when it was handed over. */
  data: Blob;
  over: () => void;
}

/** `uppy.use(CloudIndexPlugin, { target: cloudindex({ apiKey }) })` */
export class CloudIndexPlugin<M extends Meta = Meta, B extends Body = Body> extends BasePlugin<CloudIndexPluginOptions, M, B> {
  readonly #together: Together;
  /** By Uppy's id. */
  readonly #uploads = new Map<string, Upload>();

  /** Throws an UploadError when an option is wrong. */
  constructor(uppy: Uppy<M, B>, options: CloudIndexPluginOptions) {
    super(uppy, options);
    this.id = options.id ?? 'CloudIndex';
    this.type = 'uploader';
    const { id, locale, allowedMetaFields, ...rest } = options;
    this.#together = new Together(rest, { quiet: QUIET, stalled: (reason, tickets) => this.#stalled(reason, tickets) });
  }

  /** Called by Uppy. */
  override install(): void {
    this.#can(true);
    this.uppy.addUploader(this.#upload);
    this.uppy.on('file-removed', this.#removed);
    this.uppy.on('upload-pause', this.#paused);
    this.uppy.on('pause-all', this.#pausedAll);
    this.uppy.on('resume-all', this.#resumedAll);
    this.uppy.on('cancel-all', this.#cancelled);
  }

  /** Called by Uppy. */
  override uninstall(): void {
    this.#can(false);
    this.uppy.removeUploader(this.#upload);
    this.uppy.off('file-removed', this.#removed);
    this.uppy.off('upload-pause', this.#paused);
    this.uppy.off('pause-all', this.#pausedAll);
    this.uppy.off('resume-all', this.#resumedAll);
    this.uppy.off('cancel-all', this.#cancelled);
    this.#together.close();
    for (const { over } of this.#uploads.values()) over();
  }

  #can(resume: boolean): void {
    const { capabilities } = this.uppy.getState();
    this.uppy.setState({ capabilities: { ...capabilities, individualCancellation: true, resumableUploads: resume } });
  }

  readonly #upload = async (ids: string[]): Promise<void> => {
    const files = this.uppy.getFilesByIds(ids).filter((file) => !file.error && !file.progress.uploadComplete);
    this.uppy.emit('upload-start', files);
    await Promise.all(files.map((file) => new Promise<void>((over) => this.#start(file, over))));
  };

  readonly #removed = ({ id }: { id: string }) => {
    const upload = this.#uploads.get(id);
    if (!upload) return;
    this.#uploads.delete(id);
    this.#together.remove(upload.ticket);
    upload.over();
  };

  readonly #paused = (file: { id: string } | undefined, isPaused: boolean) => {
    const ticket = this.#uploads.get(file?.id ?? '')?.ticket;
    if (ticket) isPaused ? this.#together.hold(ticket) : this.#together.resume(ticket);
  };

  readonly #pausedAll = () => this.#together.pauseAll();

  readonly #resumedAll = () => this.#together.resumeAll();

  /** Uppy then removes each file. */
  readonly #cancelled = () => this.#together.cancel();

  #start(file: UppyFile<M, B>, over: () => void): void {
    const { id, data } = file;
    const before = this.#uploads.get(id);
    if (before && before.data === data) {
      before.over = over;
      return this.#together.retry(before.ticket);
    }
    if (before) this.#together.remove(before.ticket); // It was edited since.
    if (file.isRemote || !(data instanceof Blob)) {
      over();
      const error = invalid('file_unreadable', `${file.name ?? id} lies with a remote provider: only files of this device can be uploaded.`);
      this.uppy.emit('upload-error', file, error);
      return;
    }
    let percent = 0;
    const ticket = this.#together.add(named(file, data), {
      progress: (now) => {
        // What is stored is told by upload-success: each event costs Uppy a copy of its list.
        if (now.percent === percent || now.status === 'committed' || now.status === 'duplicate') return;
        percent = now.percent;
        const latest = this.uppy.getFile(id);
        const bytesUploaded = Math.round((data.size * percent) / 100);
        if (latest) this.uppy.emit('upload-progress', latest, { uploadStarted: latest.progress.uploadStarted ?? 0, bytesUploaded, bytesTotal: data.size });
      },
      done: ({ documentId }) => {
        const body = { documentId, batchId: this.#together.batchId } as unknown as B;
        const { over } = this.#uploads.get(id) ?? upload;
        this.#uploads.delete(id);
        this.uppy.emit('upload-success', this.uppy.getFile(id), { status: 200, body });
        over();
      },
      failed: (error) => {
        const { status } = error;
        this.uppy.emit('upload-error', this.uppy.getFile(id), error, status === undefined ? undefined : { status });
        upload.over();
      },
    }, this.#metadata(file));
    const upload: Upload = { ticket, data, over };
    this.#uploads.set(id, upload);
  }

  #metadata({ meta }: UppyFile<M, B>): Record<string, unknown> | undefined {
    const { allowedMetaFields = true } = this.opts;
    if (allowedMetaFields === false) return undefined;
    const { name, type, relativePath, ...own } = meta as Record<string, unknown>; // The document has those itself.
    const fields = allowedMetaFields === true ? Object.keys(own) : allowedMetaFields;
    return fields.length === 0 ? undefined : Object.fromEntries(fields.map((field) => [field, meta[field as keyof typeof meta]]));
  }

  #stalled(reason: UploadError | undefined, tickets: Ticket[]): void {
    const waiting = new Set(tickets);
    const ids = [...this.#uploads].filter(([, { ticket }]) => waiting.has(ticket)).map(([id]) => id);
    this.uppy.emit('upload-stalled', reason ?? new Error('No connection; the upload goes on by itself.'), this.uppy.getFilesByIds(ids));
  }
}

/** The file under the name and the folder that Uppy has for it. */
function named(file: UppyFile<Meta, Body>, data: Blob): File {
  const { name = file.name ?? 'file', relativePath } = file.meta as { name?: string; relativePath?: string | null };
  const folder = relativePath?.includes('/') ? relativePath.replace(/^\/+/, '').replace(/[^/]*$/, '') : '';
  const path = folder && `${folder}${name}`;
  if (data instanceof File && data.name === name && (data.webkitRelativePath ?? '') === path) return data;
  const named = new File([data], name, { type: data.type, lastModified: data instanceof File ? data.lastModified : Date.now() });
  if (path) Object.defineProperty(named, 'webkitRelativePath', { value: path });
  return named;
}
