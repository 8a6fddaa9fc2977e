// A folder and a loose file dropped by a hand: what a drop offers differs most between browsers.
import { join } from 'node:path';
import { test } from 'node:test';
import { tree } from '../e2e/harness.mjs';
import { filesOf } from '../e2e/verify.mjs';
import { arrived, open } from './world.mjs';

test('a folder and a file dropped', async (t) => {
  const content = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`in/${i % 3}/${i % 2}/${i}.txt`, `this is ${i}`]));
  const folder = await tree(t, 'drop', { ...content, 'in/empty.txt': '', 'loose ü.txt': 'loose' });
  const world = await open(t);
  await world.browser.evaluate(() => {
    for (const type of ['dragover', 'drop']) {
      addEventListener(type, (event) => {
        const offered = [...event.dataTransfer.types];
        document.body.dataset.offered = offered;
        // Without files the drop is none of the page's business, and the browser would leave it for the file.
        if (!offered.includes('Files')) event.preventDefault();
      }, { capture: true });
    }
  });
  await world.browser.drop([join(folder, 'in'), join(folder, 'loose ü.txt')]);
  const offered = await world.browser.waitFor(() => document.body.dataset.offered);
  if (!offered.includes('Files') && world.browser.hidesDrops) return t.skip(world.browser.hidesDrops);
  const sources = await filesOf(join(folder, 'in'));
  await arrived(world, sources.set('loose ü.txt', join(folder, 'loose ü.txt')));
});
