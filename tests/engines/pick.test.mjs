// Files and folders of the browser's dialogue.
import { test } from 'node:test';
import { tree } from '../e2e/harness.mjs';
import { filesOf } from '../e2e/verify.mjs';
import { UPLOADER, arrived, open, some } from './world.mjs';

test('60 files picked', async (t) => {
  const sources = await some(t, Array.from({ length: 60 }, (_, i) => i * 7001));
  const world = await open(t);
  await world.browser.choose('#files', [...sources.values()], UPLOADER);
  await arrived(world, sources);
});

test('1,200 files picked at once, the list of the input copied', async (t) => {
  const sources = await some(t, Array.from({ length: 1200 }, (_, i) => 10 + i));
  const world = await open(t);
  await world.browser.choose('#files', [...sources.values()], UPLOADER);
  await arrived(world, sources);
});

test('a folder picked', async (t) => {
  const folder = await tree(t, 'picked', Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`${i % 3}/${i % 2}/${i}.txt`, `this is ${i}`])));
  const world = await open(t);
  await world.browser.chooseFolder('#folder', folder, UPLOADER);
  await arrived(world, await filesOf(folder));
});
