// A page of the site. No script and no style in it: its policy allows none.
import { escape } from './markdown.mjs';
import { GROUPS } from './pages.mjs';

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'";

export function layout(to, { title, html, sections }) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(to === 'index.html' ? title : `${title} · cloudindex-uploader`)}</title>
<link rel="icon" href="icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="docs.css">
<script type="module" src="docs.js"></script>
</head>
<body>
<a class="skip" href="#content">To the text</a>
<header>
<button class="menu" type="button" popovertarget="pages">Contents</button>
<a class="home" href="index.html">cloudindex-uploader</a>
<a class="page" href="../">Upload page</a>
<search>
<input id="search" type="search" placeholder="Search" aria-label="Search headings and names" autocomplete="off" spellcheck="false">
<div id="found" hidden><p id="count" role="status"></p><ul></ul></div>
</search>
</header>
<nav id="pages" popover aria-label="Pages">
${GROUPS.map((group) => sidebar(group, to, sections)).join('\n')}
</nav>
<main id="content" tabindex="-1">
${html}</main>
</body>
</html>
`;
}

function sidebar({ title, pages }, current, sections) {
  const items = pages.map((page) => {
    const here = page.to === current;
    const below = here ? sections.filter(({ depth }) => depth === 2) : [];
    const inner = below.length > 1 ? `<ul>${below.map(({ id, text }) => `<li><a href="#${id}">${escape(text)}</a></li>`).join('')}</ul>` : '';
    return `<li><a href="${page.to}"${here ? ' aria-current="page"' : ''}>${escape(page.title)}</a>${inner}</li>`;
  });
  return `<h2>${escape(title)}</h2>\n<ul>${items.join('\n')}</ul>`;
}
