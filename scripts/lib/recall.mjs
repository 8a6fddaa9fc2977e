// How well a search finds pages that rustdoc made: items of the Rust documentation, each asked for by the first sentence about it.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** What opens the first paragraph of an item's page. */
const DOC = 'class="toggle top-doc" open><summary class="hideme"><span>Expand description</span></summary><div class="docblock"><p>';
/** What is asked: a sentence of fewer words fits too much. */
const WORDS = 4;
/** What std shows of core and alloc is the same item. */
const CRATES = ['core/', 'alloc/', 'std/'];

/** `number` items `{ path, sentence }` of these files (document path → file on disk), the same ones each time and from everywhere. None of
 *  them has a sentence that another item has, too: nobody could tell which is meant. */
export async function questions(sources, number) {
  const items = [];
  for (const [path, file] of sources) {
    if (!path.endsWith('.html')) continue;
    const sentence = firstSentence(await readFile(file, 'utf8'));
    if (sentence) items.push({ path, sentence });
  }
  const meant = new Map();
  for (const { path, sentence } of items) meant.set(sentence, (meant.get(sentence) ?? new Set()).add(item(path)));
  const alone = items.filter(({ sentence }) => meant.get(sentence).size === 1);
  const shuffled = alone.map((one) => [createHash('sha256').update(one.path).digest('hex'), one]).sort(([a], [b]) => (a < b ? -1 : 1));
  return shuffled.slice(0, number).map(([, one]) => one);
}

/** Whether the page of the item is among these paths. */
export const isAmong = (path, found) => found.some((other) => item(other) === item(path));

/** What an item is called in every crate that shows it: its path without the crate. */
function item(path) {
  for (const name of CRATES) {
    const at = path.startsWith(name) ? 0 : path.indexOf(`/${name}`) + 1;
    if (at > 0 || path.startsWith(name)) return path.slice(at + name.length);
  }
  return path;
}

function firstSentence(page) {
  const start = page.indexOf(DOC);
  if (start < 0) return undefined;
  const paragraph = page.slice(start + DOC.length, page.indexOf('</p>', start + DOC.length));
  const text = paragraph.replace(/<[^>]*>/g, '').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
  const first = text.split(/(?<=\. )/)[0].trim();
  return first.split(/\s+/).length >= WORDS ? first : undefined;
}
