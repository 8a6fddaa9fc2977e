// The API reference as Markdown, from the types that are published: what each entry exports, and what that names.
// TypeDoc does not run with TypeScript 7; this asks the compiler for the syntax of its .d.ts, and needs no more.
import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { API as Compiler } from 'typescript/unstable/sync';
import { SyntaxKind } from 'typescript/unstable/ast';
import { Complaint, ROOT } from '../lib/run.mjs';
import { slug } from './markdown.mjs';

const KINDS = new Map([
  [SyntaxKind.ClassDeclaration, 'class'], [SyntaxKind.InterfaceDeclaration, 'interface'], [SyntaxKind.TypeAliasDeclaration, 'type'],
  [SyntaxKind.FunctionDeclaration, 'function'], [SyntaxKind.VariableStatement, 'const'],
]);
const ORDER = ['class', 'function', 'const', 'interface', 'type'];

/** `pages`: `[address, Markdown]` of each entry; `names`: where each exported name is explained. */
export function reference(entries) {
  const missing = entries.find(({ types }) => !existsSync(ROOT + types));
  if (missing) throw new Complaint(`${missing.types} is missing: npm run build makes it`);
  const compiler = new Compiler({ cwd: ROOT });
  try {
    const files = entries.map(({ types }) => ROOT + types);
    const snapshot = compiler.updateSnapshot({ openFiles: files });
    const programs = new Set(files.map((file) => snapshot.getDefaultProjectForFile(file).program));
    const declarations = new Declarations((file) => [...programs].map((program) => program.getSourceFile(file)).find(Boolean));
    const exported = entries.map(({ types, to }) => ({ to, found: declarations.exportsOf(ROOT + types) }));
    /** The first entry that has a name explains it. */
    const places = new Map();
    for (const { to, found } of exported) for (const name of found.keys()) if (!places.has(name)) places.set(name, to);
    const names = new Map();
    const pages = entries.map((entry, index) => [entry.to, page(entry, exported[index].found, places, declarations, names)]);
    return { pages, names };
  } finally {
    compiler.close();
  }
}

class Declarations {
  #open;
  constructor(open) {
    this.#open = open;
  }

  /** What a module exports: name to declaration. */
  exportsOf(file) {
    const found = new Map();
    for (const statement of this.#statements(file)) {
      if (statement.kind === SyntaxKind.ExportDeclaration && statement.moduleSpecifier) {
        const from = this.exportsOf(module(file, statement.moduleSpecifier.text));
        const names = statement.exportClause?.elements?.map(({ name }) => name.text) ?? [...from.keys()];
        for (const name of names) if (from.has(name)) found.set(name, from.get(name));
      } else if (statement.kind === SyntaxKind.ExportDeclaration) {
        for (const { name } of statement.exportClause?.elements ?? []) {
          const inner = this.named(file, name.text);
          if (inner) found.set(name.text, inner);
        }
      } else if (KINDS.has(statement.kind) && /\bexport\b/.test(statement.getText().split('{')[0])) {
        // Of a class or constant and an interface of one name the interface says more.
        const name = nameOf(statement);
        if (found.get(name)?.kind !== 'interface') found.set(name, { name, kind: KINDS.get(statement.kind), statement, file });
      }
    }
    return found;
  }

  /** A declaration that a file can name without exporting it from the entry: its own or an imported one. */
  named(file, name) {
    for (const statement of this.#statements(file)) {
      if (KINDS.has(statement.kind) && nameOf(statement) === name) return { name, kind: KINDS.get(statement.kind), statement, file };
      if (statement.kind !== SyntaxKind.ImportDeclaration || !statement.moduleSpecifier.text.startsWith('.')) continue;
      const names = statement.importClause?.namedBindings?.elements?.map((element) => (element.propertyName ?? element.name).text) ?? [];
      if (names.includes(name)) return this.exportsOf(module(file, statement.moduleSpecifier.text)).get(name);
    }
    return undefined;
  }

  #statements(file) {
    const source = this.#open(file);
    if (!source) throw new Complaint(`the compiler has no ${file}`);
    return [...source.statements];
  }
}

function page({ entry, to }, found, places, declarations, names) {
  const own = [...found.values()].filter(({ name }) => places.get(name) === to);
  const all = new Map(own.map((one) => [one.name, one]));
  // What these name and no entry exports is explained too, after them.
  for (const { file, statement } of all.values()) {
    for (const [name] of statement.getText().matchAll(/\b[A-Z]\w+/g)) {
      const inner = all.has(name) || places.has(name) ? undefined : declarations.named(file, name);
      if (inner && inner.name === name) all.set(name, inner);
    }
  }
  const rank = ({ name, kind }) => (found.has(name) ? 0 : ORDER.length) + ORDER.indexOf(kind);
  const sorted = [...all.values()].sort((a, b) => rank(a) - rank(b));
  const first = sorted.filter(({ name }) => found.has(name));
  const taken = new Map();
  for (const { name } of sorted) {
    const place = `${to}#${slug(name, taken)}`;
    if (found.has(name)) names.set(name, place);
  }
  return [
    `# API of \`${entry}\``, '', 'What this entry of the package exports. Made from its types by `npm run docs`.', '',
    '| | |', '| --- | --- |',
    ...ORDER.map((kind) => [kind, first.filter((one) => one.kind === kind)]).filter(([, ones]) => ones.length > 0)
      .map(([kind, ones]) => `| ${kind} | ${ones.map(({ name }) => code(name)).join(', ')} |`),
    '', ...sorted.flatMap((one) => section(one, found.has(one.name))),
  ].join('\n');
}

function section({ name, kind, statement }, isExported) {
  const members = (kind === 'class' || kind === 'interface') && statement.members ? [...statement.members].filter(isPublic) : [];
  const whole = text(statement).replace(/^(export |declare )+/, '');
  const said = members.length > 0 || /^(class|interface)/.test(whole) ? whole.slice(0, whole.indexOf('{')).trim() : whole.replace(/;$/, '');
  const lines = [`## ${name}`, '', `${code(said)}`, ''];
  if (!isExported) lines.push('Not exported; named here because others are made of it.', '');
  const about = comment(statement);
  if (about) lines.push(about, '');
  if (members.length > 0) {
    lines.push('| | |', '| --- | --- |');
    for (const member of members) lines.push(`| ${cell(code(text(member).replace(/;$/, '')))} | ${cell(comment(member))} |`);
    lines.push('');
  }
  return lines;
}

const isPublic = (member) => !/^(#|private |protected )/.test(member.getText());
const code = (said) => (said.includes('`') ? `\`\` ${said} \`\`` : `\`${said}\``);
const cell = (said) => said.replaceAll('|', '\\|').replace(/\n+/g, ' ');

/** A declaration on one line, without its comments. */
function text(node) {
  return node.getText().replace(/\/\*\*[\s\S]*?\*\//g, '').replace(/\s+/g, ' ').trim();
}

/** Its comment, without stars; links as code. */
function comment(node) {
  // The last: one before it is the file's.
  return (node.jsDoc?.at(-1)?.getText() ?? '')
    .replace(/^\s*\/\*\*|\*\/\s*$/g, '').replace(/^\s*\* ?/gm, '').replace(/\{@link (\w+)\}/g, '`$1`').trim();
}

function nameOf(statement) {
  return statement.name?.text ?? statement.declarationList?.declarations?.[0]?.name?.text;
}

function module(file, specifier) {
  return posix.join(posix.dirname(file), specifier.replace(/\.js$/, '.d.ts'));
}
