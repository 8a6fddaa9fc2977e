// Folders that are dropped: what their entries are asked for, beside what the handles have. (Everything else of walks: tests/web/walking.rs.)
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Intake } from '../../src/intake.js';

/** An entry from nested objects; `asked` hears of every file's name that is read, which in Chromium costs the page when it is collected. */
function entry(name, content, asked) {
  if (typeof content === 'string') {
    return { isFile: true, isDirectory: false, get name() { asked.push(name); return name; }, file: (ok) => ok(new File([content], name)) };
  }
  const createReader = () => {
    const children = Object.entries(content).map(([inner, below]) => entry(inner, below, asked));
    return { readEntries: (ok) => ok(children.splice(0, 2)) };
  };
  return { isFile: false, isDirectory: true, name, createReader };
}

/** A handle of the same; `hidden`: names that it leaves out. */
function handle(name, content, hidden) {
  if (typeof content === 'string') return { kind: 'file', name, getFile: async () => new File([content], name) };
  return {
    kind: 'directory', name,
    async *values() { for (const [inner, below] of Object.entries(content)) if (!hidden.includes(inner)) yield handle(inner, below, hidden); },
  };
}

async function dropped(content, hidden = []) {
  const [asked, found] = [[], []];
  const { port1, port2 } = new MessageChannel();
  const intake = new Intake(port1, { found: (_, files, paths) => files.forEach((file, i) => found.push([paths[i], file?.name])) });
  const item = { kind: 'file', getAsFileSystemHandle: async () => handle('root', content, hidden), webkitGetAsEntry: () => entry('root', content, asked), getAsFile: () => null };
  await intake.add({ items: [item], files: [] });
  intake.close();
  port2.close();
  return { found: found.map(([path, name]) => `${path} is ${name}`).sort(), asked: asked.sort() };
}

const TREE = { a: 'a', b: 'b', c: 'c', sub: { d: 'd', e: 'e', deep: { f: 'f' } }, empty: {} };
const ALL = ['root/a is a', 'root/b is b', 'root/c is c', 'root/sub/d is d', 'root/sub/deep/f is f', 'root/sub/e is e'];

test('what the handles have is not asked for its name again', async () => {
  assert.deepEqual(await dropped(TREE), { found: ALL, asked: [] });
});

test('what the handles leave out is found by its entry', async () => {
  const { found, asked } = await dropped(TREE, ['e', 'deep']);
  assert.deepEqual(found, ALL);
  assert.deepEqual(asked, ['d', 'e', 'f'], 'only where some are left out');
  assert.deepEqual((await dropped(TREE, Object.keys(TREE))).found, ALL);
});
