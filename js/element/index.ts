/**
 * cloudindex-uploader/element: `<cloudindex-uploader>`, an upload that people see. Importing it defines the element; where there are no
 * elements (Node, rendering on a server) it does nothing.
 */
import { UploaderElement } from './element.js';
import type { CloudindexUploader as Element } from './types.js';

export type * from './types.js';

/** Its name in HTML. */
export const TAG = 'cloudindex-uploader';

/** The element's class, for `instanceof` and for a name of your own. */
export type CloudindexUploader = Element;
export const CloudindexUploader: { new(): Element } = UploaderElement as unknown as { new(): Element };

// A page may well import two copies.
if (globalThis.HTMLElement && !customElements.get(TAG)) customElements.define(TAG, UploaderElement);

declare global {
  interface HTMLElementTagNameMap {
    'cloudindex-uploader': Element;
  }
}
