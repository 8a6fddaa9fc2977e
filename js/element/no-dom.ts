/** Where there is no document, Lit wants something to extend. Nothing is made of it. */
export class HTMLElement {}
export const customElements = globalThis.customElements;
