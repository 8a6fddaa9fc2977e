// The doctest finds faults: every block of faulty.md that has one fails, for the reason that stands before it, and no other does.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { blocksOf } from './blocks.mjs';

const FILE = fileURLToPath(new URL('./faulty.md', import.meta.url));
const RUNNER = fileURLToPath(new URL('./run.mjs', import.meta.url));

test('every planted fault is found, by its reason', { timeout: 300_000 }, async (t) => {
  const markdown = await readFile(FILE, 'utf8');
  const { status, output } = await doctest(FILE);
  const found = reports(output);
  const blocks = blocksOf(markdown);
  assert.equal(found.size, blocks.length, output);
  for (const { heading, line } of blocks) {
    await t.test(heading, () => {
      const { word, text } = found.get(line);
      const reason = reasonFor(markdown, line);
      assert.equal(word, reason === undefined ? 'ok' : 'FAIL', text);
      if (reason !== undefined) assert.ok(text.includes(reason), text);
    });
  }
  assert.equal(status, 1);
});

/** What has to be found in the block that begins in this line: before it are its fence, an empty line, and that. */
function reasonFor(markdown, line) {
  return /^Finds: (.*)$/.exec(markdown.split('\n')[line - 4])?.[1];
}

/** What was said of the block in each line. */
function reports(output) {
  const said = output.split(/^(?=(?:ok  |FAIL) )/m).map((text) => /^(ok|FAIL) +faulty\.md:(\d+) /.exec(text)).filter(Boolean);
  return new Map(said.map(({ 1: word, 2: line, input }) => [Number(line), { word, text: input }]));
}

async function doctest(file) {
  const child = spawn(process.execPath, [RUNNER, file], { stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  const status = await new Promise((end) => child.once('close', end));
  return { status, output };
}
