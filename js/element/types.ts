/** What an application sees of the element. */
import type { UploaderEvents } from '../events.js';
import type { Source } from '../types.js';
import type { Uploader } from '../uploader.js';
import type { ElementOptions } from './options.js';
import type { PartialStrings } from './strings.js';

export type { ElementOptions, PartialStrings };
export type { Reason, Strings, Text } from './strings.js';

/** The element's events: those of its uploader, and `uploaderchange` when it has another one. */
export type UploaderElementEvents = { [K in keyof UploaderEvents]: CustomEvent<UploaderEvents[K]> } & {
  uploaderchange: CustomEvent<{ uploader: Uploader | undefined }>;
};

/** `<cloudindex-uploader>`: a view on an {@link Uploader}, with every way in. */
export interface CloudindexUploader extends HTMLElement {
  /** The upload that is shown. Yours, if you set it; otherwise the element makes one when files are added. */
  uploader: Uploader | undefined;
  /** What the element makes its own uploader of, over what attributes say. */
  options: ElementOptions;
  /** Texts that replace those of the language. */
  strings: PartialStrings | undefined;
  /** Language of texts and figures. Default: the nearest `lang`, else the browser's. */
  locale: string | null;
  /** Small pictures of images in the list. */
  thumbnails: boolean;
  /** What the file dialogue offers, as an input's `accept`. */
  accept: string | null;
  /** Adds files, as a drop does. */
  add(source: Source): void;
  addEventListener<K extends keyof UploaderElementEvents>(
    type: K, listener: (this: CloudindexUploader, event: UploaderElementEvents[K]) => void, options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener<K extends keyof HTMLElementEventMap>(
    type: K, listener: (this: HTMLElement, event: HTMLElementEventMap[K]) => void, options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}
