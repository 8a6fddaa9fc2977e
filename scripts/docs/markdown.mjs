// Markdown to HTML: anchors as GitHub makes them, links that work on the site, code in colours by classes alone.
import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import css from 'highlight.js/lib/languages/css';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import rust from 'highlight.js/lib/languages/rust';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import { Marked } from 'marked';
import { existsSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { ROOT } from '../lib/run.mjs';
import { PAGES } from './pages.mjs';

/** What is in the repository and not on the site. */
const REPOSITORY = 'https://github.com/cloudindex/cloudindex-uploader';

const LANGUAGES = { bash, css, javascript, json, rust, typescript, xml };
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);
hljs.registerAliases('svelte', { languageName: 'xml' });

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
export const escape = (text) => text.replace(/[&<>"]/g, (sign) => ENTITIES[sign]);

/** A heading's anchor, as GitHub makes it; `taken` counts those of one page. */
export function slug(text, taken) {
  const plain = text.toLowerCase().replace(/[^\p{L}\p{N}\p{M} _-]/gu, '').replaceAll(' ', '-');
  const count = taken.get(plain) ?? 0;
  taken.set(plain, count + 1);
  return count === 0 ? plain : `${plain}-${count}`;
}

/** Text of tokens, without markup. */
export function plain(tokens) {
  return tokens.map((token) => (token.tokens ? plain(token.tokens) : token.type === 'br' ? ' ' : unescape(token.text ?? ''))).join('');
}

function unescape(text) {
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (entity) => ({ '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" })[entity]);
}

const isElsewhere = (href) => /^[a-z][a-z+.-]*:/i.test(href);

/** Where a relative link of a Markdown file leads: the path from the root, and the anchor. */
export function target(source, href) {
  if (isElsewhere(href)) return undefined;
  const [path, anchor = ''] = href.split('#');
  return { path: path === '' ? source : posix.normalize(posix.join(posix.dirname(source), path)), anchor };
}

/** The address of a link on the site. */
function address(source, href) {
  const to = target(source, href);
  if (!to || href.startsWith('#') || !existsSync(join(ROOT, to.path))) return href;
  const hash = to.anchor && `#${to.anchor}`;
  const page = PAGES.get(to.path);
  if (page) return page + hash;
  return `${REPOSITORY}/${statSync(join(ROOT, to.path)).isDirectory() ? 'tree' : 'blob'}/main/${to.path.replace(/\/$/, '')}${hash}`;
}

/** A name in code, not where it is declared, and no part of a longer one. */
const NAME = /(?<![-./\w]|class |interface |type |const |function )[A-Za-z]\w+\b(?!-|\?|: |&quot;)/g;

/** A file as a page: `{ title, html, sections, images }`. A section has the words of its tables' first column, for the search.
 *  `names`: what is a link wherever it stands in code. */
export function read(text, source, names = new Map()) {
  const taken = new Map();
  const sections = [];
  const images = new Set();
  const renderer = {
    heading({ depth, tokens }) {
      const words = plain(tokens);
      const id = slug(words, taken);
      sections.push({ depth, id: depth === 1 ? '' : id, text: words, words: [] });
      const link = depth === 1 ? '' : ` <a class="anchor" href="#${id}" aria-label="Link to “${escape(words)}”">#</a>`;
      return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}${link}</h${depth}>\n`;
    },
    code({ text, lang = '' }) {
      const language = lang.split(/\s/)[0];
      const known = hljs.getLanguage(language);
      const coloured = known ? hljs.highlight(text, { language }).value : escape(text);
      return `<pre tabindex="0"><code>${coloured}</code></pre>\n`;
    },
    codespan({ text }) {
      const linked = escape(text).replace(NAME, (word, at, all) => {
        // What begins small is a function or a mere word: it is the function alone, or called.
        const isMeant = /^[A-Z]/.test(word) || all === word || all[at + word.length] === '(';
        return names.has(word) && isMeant ? `<a href="${names.get(word)}">${word}</a>` : word;
      });
      return `<code>${linked}</code>`;
    },
    link({ href, title, tokens }) {
      return `<a href="${escape(address(source, href))}"${title ? ` title="${escape(title)}"` : ''}>${this.parser.parseInline(tokens)}</a>`;
    },
    image({ href, text }) {
      const to = target(source, href);
      if (to) images.add(to.path);
      return `<img src="${escape(to?.path ?? href)}" alt="${escape(text)}" loading="lazy">`;
    },
    table({ header, rows }) {
      for (const [first] of [header, ...rows]) sections.at(-1)?.words.push(...first.tokens.flatMap(codes));
      const cell = ({ tokens, align }, tag) => `<${tag}${align ? ` class="${align}"` : ''}>${this.parser.parseInline(tokens)}</${tag}>`;
      const line = (cells, tag) => `<tr>${cells.map((one) => cell(one, tag)).join('')}</tr>`;
      // A head without a word is Markdown's, not the table's.
      const head = header.some(({ text }) => text !== '') ? `<thead>${line(header, header.every(({ text }) => text !== '') ? 'th' : 'td')}</thead>` : '';
      return `<div class="table" tabindex="0"><table>${head}<tbody>${rows.map((row) => line(row, 'td')).join('\n')}</tbody></table></div>\n`;
    },
  };
  const html = new Marked({ renderer }).parse(text);
  return { title: sections[0]?.text ?? source, html, sections, images };
}

const codes = (token) => (token.type === 'codespan' ? [unescape(token.text)] : (token.tokens ?? []).flatMap(codes));
