// Takes the JavaScript blocks out of a Markdown file, and makes of each a module whose names the next ones see.

/** The names under which the library is imported in documents. */
const PACKAGES = /(\bfrom\s*|\bimport\s*\(?\s*)(['"])(?:@cloudindex\/sdk|cloudindex-uploader)\2/g;

const KEYWORDS = new Set(('if for while switch catch function return typeof await new super import async of in do else throw '
  + 'delete void yield with').split(' '));

/** `[{ heading, line, code }]`, in order. Headings that hold several blocks are numbered. */
export function blocksOf(markdown) {
  const blocks = [];
  const perHeading = new Map();
  let heading = '(top)';
  let fence = null;
  for (const [index, text] of markdown.split('\n').entries()) {
    if (fence) {
      if (text.trimEnd() !== fence.close) fence.lines.push(text);
      else {
        if (fence.javascript) blocks.push({ heading: fence.heading, line: fence.line, code: fence.lines.join('\n') });
        fence = null;
      }
      continue;
    }
    const title = /^#{1,6}\s+(.*?)\s*#*$/.exec(text);
    if (title) heading = title[1];
    const open = /^(`{3,}|~{3,})\s*(\w*)/.exec(text);
    if (!open) continue;
    const javascript = ['javascript', 'js', 'mjs'].includes(open[2].toLowerCase());
    let name = heading;
    if (javascript) {
      const count = (perHeading.get(heading) ?? 0) + 1;
      perHeading.set(heading, count);
      if (count > 1) name = `${heading} (${count})`;
    }
    fence = { close: open[1], javascript, heading: name, line: index + 2, lines: [] };
  }
  return blocks;
}

/** Code of a server, which no page can run. */
export function isServerSide(code) {
  return /\bapp\.(post|get|put|delete|use|listen)\(|\brequire\(|\bprocess\.env\b|from\s+['"](node:|express['"]|standardwebhooks['"])/.test(code);
}

/** Names that a block declares or imports at its top level. */
export function declared(code) {
  const names = new Set();
  for (const [, name] of code.matchAll(/^(?:export\s+)?(?:async\s+)?function\s*\*?\s*([\w$]+)/gm)) names.add(name);
  for (const [, name] of code.matchAll(/^(?:export\s+)?(?:const|let|var|class)\s+([\w$]+)/gm)) names.add(name);
  for (const [, list] of code.matchAll(/^(?:(?:export\s+)?(?:const|let|var)|import)\s*\{([^}]*)\}/gm)) {
    for (const part of list.split(',')) {
      const name = part.trim().split(/\s+as\s+|\s*:\s*|\s*=\s*/).at(-1);
      if (name) names.add(name);
    }
  }
  for (const [, name] of code.matchAll(/^import\s+(?:\*\s+as\s+)?([\w$]+)/gm)) names.add(name);
  return [...names];
}

/** Functions that a block declares at its top level, with the names of their parameters. */
export function functions(code) {
  return [...code.matchAll(/^(?:export\s+)?(?:async\s+)?function\s+([\w$]+)\s*\(([^)]*)\)/gm)]
    .map(([, name, parameters]) => ({ name, parameters: parameters.split(',').map((p) => p.trim().split(/\s*=/)[0]).filter(Boolean) }));
}

/** Names that a block calls and that nobody declares: the application's own functions. */
export function foreign(code, known) {
  const bare = code
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ' ')
    .replace(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, "''")
    .replace(/`(?:\\.|[^`\\])*`/g, '``');
  const called = [...bare.matchAll(/(?<![.\w$])([A-Za-z_$][\w$]*)\s*\(/g)].map(([, name]) => name);
  const inner = [...bare.matchAll(/\b(?:function|const|let|var|class)\s+([\w$]+)/g)].map(([, name]) => name);
  const not = new Set([...KEYWORDS, ...known, ...inner]);
  return [...new Set(called)].filter((name) => !not.has(name));
}

/** The module: the block as it stands but for the package's name, then what hands its names on. */
export function moduleOf(code, library) {
  const own = code.replace(PACKAGES, (_, lead, quote) => `${lead}${quote}${library}${quote}`);
  return `${own}\n;Object.assign(globalThis, { ${declared(code).join(', ')} });\n`;
}
