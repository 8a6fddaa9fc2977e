// A document's own bytes. They are asked for with the key, which an address can't carry, and then handed to the browser.

/** What a browser shows without running anything of it. Text is shown as it is written: a page that was uploaded is no page of this site. */
const TEXT = /^text\/|^application\/(?:json|xml)|[+/](?:json|xml)\b/;
const SHOWN = /^(?:image\/(?:png|jpeg|gif|webp|avif|bmp)|application\/pdf)$/;

/** ms after which nobody reads what was handed over any more: a browser may ask first where to save it. */
const KEPT = 60_000;

/** `how`: `open` shows it in a tab of its own, where that is safe; `save` saves it. */
export async function hand({ baseUrl, apiKey }, { documentId, path, type = '' }, how) {
  const response = await fetch(`${baseUrl}/v1/documents/${encodeURIComponent(documentId)}/content`, { headers: { authorization: `Bearer ${apiKey}` } });
  if (!response.ok) throw new Error((await response.json().catch(() => ({}))).detail ?? `status ${response.status}`);
  const bytes = await response.blob();
  const url = URL.createObjectURL(new Blob([bytes], { type: TEXT.test(type) ? 'text/plain;charset=utf-8' : SHOWN.test(type) ? type : 'application/octet-stream' }));
  // Long after the click a browser opens no tab.
  const opens = how === 'open' && (TEXT.test(type) || SHOWN.test(type)) && (navigator.userActivation?.isActive ?? true);
  const link = Object.assign(document.createElement('a'), { href: url, ...(opens ? { target: '_blank', rel: 'noopener' } : { download: path.split('/').at(-1) }) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT);
}
