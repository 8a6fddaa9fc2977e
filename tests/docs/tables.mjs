// What the tests of the documentation read: tables of Markdown, and words of the code.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../../scripts/lib/run.mjs';

export const source = (path) => readFile(join(ROOT, path), 'utf8');

/** Rows of a document's tables, as texts of their cells; those under a heading, if one is named. */
export function rows(markdown, heading) {
  const part = heading === undefined ? markdown : markdown.split(/^(?=## )/m).find((one) => one.startsWith(`## ${heading}\n`));
  if (part === undefined) throw new Error(`no heading “${heading}”`);
  return part.split('\n').filter((line) => /^\|(?! *:?---)/.test(line)).map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim()));
}

/** The code words of a cell. */
export const codes = (cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word);
