// What the site has, in the order of its sidebar.

/** The package's entries and where their types are; the reference is made of these. */
export const API = [
  { entry: 'cloudindex-uploader', title: 'API', types: 'dist/types/index.d.ts', to: 'api.html' },
  { entry: 'cloudindex-uploader/element', title: 'API: element', types: 'dist/types/element/index.d.ts', to: 'api-element.html' },
  { entry: 'cloudindex-uploader/react', title: 'API: React', types: 'dist/types/adapters/react.d.ts', to: 'api-react.html' },
  { entry: 'cloudindex-uploader/uppy', title: 'API: Uppy', types: 'dist/types/adapters/uppy.d.ts', to: 'api-uppy.html' },
  { entry: 'cloudindex-uploader/filepond', title: 'API: FilePond', types: 'dist/types/adapters/filepond.d.ts', to: 'api-filepond.html' },
];

const doc = (name, title) => ({ source: `docs/${name}.md`, to: `${name}.html`, title });

export const GROUPS = [
  { title: 'Use', pages: [{ source: 'README.md', to: 'index.html', title: 'Overview' }, doc('guide', 'Guide'), doc('recipes', 'Recipes'), doc('migration', 'Coming from another uploader')] },
  { title: 'Parts', pages: [doc('element', 'The element'), doc('screens', 'How it looks'), doc('adapters', 'Adapters'), doc('package', 'The package'), doc('browsers', 'Browsers'), doc('server', 'The server')] },
  { title: 'Reference', pages: [doc('options', 'Options'), doc('events', 'Events'), doc('errors', 'Errors'), ...API.map(({ to, title }) => ({ to, title }))] },
  {
    title: 'How it works',
    pages: [
      doc('reliability', 'Reliability'), doc('transport', 'Transport'), doc('architecture', 'The house'),
      { source: 'bench/README.md', to: 'bench.html', title: 'The bench' }, { source: 'CHANGELOG.md', to: 'changelog.html', title: 'Changes' },
    ],
  },
];

/** Markdown file to page. */
export const PAGES = new Map(GROUPS.flatMap(({ pages }) => pages).filter(({ source }) => source).map(({ source, to }) => [source, to]));
