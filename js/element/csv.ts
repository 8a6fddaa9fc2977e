/** The failures as a table that spreadsheets open; made in slices, for there may be a hundred thousand. */
import type { Failed } from './watch.js';
import type { Words } from './words.js';

export function* failuresCsv(failures: Iterable<Failed>, words: Words): Generator<void, Blob> {
  const { csv, status } = words.strings;
  const lines = [row([csv.path, csv.size, csv.state, csv.code, csv.reason, csv.fix, csv.details])];
  for (const { path, size, status: state, error } of failures) {
    const { why, fix } = error ? words.reason(error) : { why: '', fix: '' };
    yield;
    lines.push(row([path, size === undefined ? '' : String(size), status[state], error?.code ?? '', why, fix, error?.message ?? '']));
  }
  // Without the mark in front some spreadsheets take UTF-8 for something else.
  return new Blob([`\uFEFF${lines.join('\r\n')}\r\n`], { type: 'text/csv' });
}

function row(cells: string[]): string {
  return cells.map(cell).join(',');
}

/**
 * A cell that begins like a formula would be run by the spreadsheet: a file's name is not to be trusted with that. Some skip blanks first, or
 * take wide signs for the usual ones; and where a comma is for decimals, semicolons divide.
 */
function cell(text: string): string {
  const safe = /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",;\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Lets the browser save it. */
export function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // The browser may ask where to before it reads.
}
