// npm run docs: docs/, README and the API reference as a site in dist/page/docs/, where the page's server has it under /docs/.
// `dist/types` must be there (npm run build, which ends with this).
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { reference } from './docs/api.mjs';
import { read } from './docs/markdown.mjs';
import { layout } from './docs/layout.mjs';
import { API, GROUPS } from './docs/pages.mjs';
import { ROOT, command, seconds } from './lib/run.mjs';

const SITE = join(ROOT, 'dist/page/docs');
const ASSETS = ['docs.css', 'docs.js'];

await command(async () => {
  const started = performance.now();
  const sources = new Map(); // address to Markdown and the file that it is of
  for (const { source, to } of GROUPS.flatMap(({ pages }) => pages)) {
    if (source) sources.set(to, { source, text: await readFile(join(ROOT, source), 'utf8') });
  }
  const { pages: made, names } = reference(API);
  for (const [to, text] of made) sources.set(to, { source: `docs/${to}`, text, names });

  const pages = new Map([...sources].map(([to, { source, text, names }]) => [to, read(text, source, names)]));
  await rm(SITE, { recursive: true, force: true });
  await mkdir(SITE, { recursive: true });
  const found = [];
  for (const [to, page] of pages) {
    await writeFile(join(SITE, to), layout(to, page));
    for (const { id, text, words } of page.sections) found.push([page.title, text, id === '' ? to : `${to}#${id}`, words.join(' ')]);
    for (const image of page.images) {
      await mkdir(dirname(join(SITE, image)), { recursive: true });
      await cp(join(ROOT, image), join(SITE, image));
    }
  }
  await writeFile(join(SITE, 'search.json'), JSON.stringify(found));
  for (const name of ASSETS) await cp(join(ROOT, 'scripts/docs', name), join(SITE, name));
  await cp(join(ROOT, 'www/icon.svg'), join(SITE, 'icon.svg'));
  console.log(`dist/page/docs: ${pages.size} pages, ${found.length} headings to search, in ${seconds(started)}`);
});
