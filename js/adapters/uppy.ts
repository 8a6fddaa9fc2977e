/** An uploader plugin for Uppy: its Dashboard, its restrictions and its events, with the files going up in bundles. */
import { BasePlugin } from '@uppy/core';
import type { Body, Meta, PluginOpts, Uppy, UppyFile } from '@uppy/core';
import { invalid } from '../errors.js';
import type { UploadError } from '../errors.js';
import { named } from './named.js';
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
  /** The percent that Uppy was told last. */
  percent: number;
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
    this.#together = new Together(forEngine(options), { quiet: QUIET, stalled: (reason, tickets) => this.#stalled(reason, tickets) });
  }

  /** What is under way goes on as it began. Throws an UploadError when an option is wrong. */
  override setOptions(options: Partial<CloudIndexPluginOptions>): void {
    this.#together.change(forEngine({ ...this.opts, ...options }));
    super.setOptions(options);
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
    const uploads = [...this.#uploads];
    this.#uploads.clear();
    for (const [id, { ticket, over }] of uploads) {
      // For Uppy what ends without an error has arrived.
      const isUnderWay = ticket.state === 'going' || ticket.state === 'held';
      const error = new Error('The uploader was removed before this file had arrived.');
      if (isUnderWay) this.#tell(id, (latest) => this.uppy.emit('upload-error', latest, error));
      over();
    }
  }

  #can(resume: boolean): void {
    const { capabilities } = this.uppy.getState();
    this.uppy.setState({ capabilities: { ...capabilities, individualCancellation: true, resumableUploads: resume } });
  }

  readonly #upload = async (ids: string[]): Promise<void> => {
    const files = this.uppy.getFilesByIds(ids).filter((file) => !file.error && !file.progress.uploadComplete);
    // Of a file that Golden Retriever brings back Uppy knows how far it was.
    const starting = files.filter(({ isRestored, progress }) => !isRestored || !progress.uploadStarted);
    if (starting.length > 0) this.uppy.emit('upload-start', starting);
    this.#atZero(starting);
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

  /** The Dashboard shows neither circle nor button of a file without a percentage. One change of its state for all: each copies its list. */
  #atZero(files: UppyFile<M, B>[]): void {
    const there = files.map(({ id }) => this.uppy.getFile(id)).filter((file) => file?.progress.percentage === undefined && file);
    this.uppy.patchFilesState(Object.fromEntries(there.map(({ id, progress }) => [id, { progress: { ...progress, percentage: 0 } }])));
  }

  #start(file: UppyFile<M, B>, over: () => void): void {
    const { id, data } = file;
    const before = this.#uploads.get(id);
    if (before && before.data === data) {
      before.over = over;
      before.percent = 0;
      return this.#together.retry(before.ticket);
    }
    if (before) this.#together.remove(before.ticket); // It was edited since.
    if (file.isRemote || !(data instanceof Blob)) {
      over();
      const why = file.isRemote ? 'lies with a remote provider: only files of this device can be uploaded' : 'is not at hand any more: choose it again';
      this.uppy.emit('upload-error', file, invalid('file_unreadable', `${file.name ?? id} ${why}.`));
      return;
    }
    const { name = file.name ?? 'file', relativePath } = file.meta as { name?: string; relativePath?: string | null };
    const ticket = this.#together.add(named(data, name, relativePath), {
      progress: (now) => {
        // What is stored is told by upload-success: each event costs Uppy a copy of its list.
        if (now.percent === upload.percent || now.status === 'committed' || now.status === 'duplicate') return;
        upload.percent = now.percent;
        const bytesUploaded = Math.round((data.size * now.percent) / 100);
        this.#tell(id, (latest) => {
          this.uppy.emit('upload-progress', latest, { uploadStarted: latest.progress.uploadStarted ?? 0, bytesUploaded, bytesTotal: data.size });
        });
      },
      done: ({ documentId }) => {
        const body = { documentId, batchId: this.#together.batchId } as unknown as B;
        const { over } = this.#uploads.get(id) ?? upload;
        this.#uploads.delete(id);
        this.#tell(id, (latest) => this.uppy.emit('upload-success', latest, { status: 200, body }));
        over();
      },
      failed: (error) => {
        const { status } = error;
        this.#tell(id, (latest) => this.uppy.emit('upload-error', latest, error, status === undefined ? undefined : { status }));
        upload.over();
      },
    }, this.#metadata(file));
    const upload: Upload = { ticket, data, percent: 0, over };
    this.#uploads.set(id, upload);
    if (file.isPaused) this.#together.hold(ticket);
  }

  /** Nothing is told of a file that Uppy has dropped: `uppy.clear()` says nothing of it. */
  #tell(id: string, tell: (latest: UppyFile<M, B>) => void): void {
    const latest = this.uppy.getFile(id) as UppyFile<M, B> | undefined;
    if (latest) tell(latest);
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

/** Without what is for Uppy and the plugin. */
function forEngine({ id, locale, allowedMetaFields, ...rest }: CloudIndexPluginOptions): TogetherOptions {
  return rest;
}
