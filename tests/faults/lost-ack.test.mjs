// The server did it, and its answer is lost: everything must be safe to repeat.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drop } from '../e2e/element.mjs';
import { filesOf } from '../e2e/verify.mjs';
import { CONTENT, arrivedOnPage, open, settle, some } from './world.mjs';

test('lost ack of a bundle', async (t) => {
  const folder = await some(t, 300, 50_000);
  const rules = [{ on: 'POST *', minBody: CONTENT, when: { first: 3 }, fault: 'lostReply' }];
  const { server, page, proxy } = await open(t, { rules, link: { up: 8_000_000 } });
  await drop(page, [folder]);
  await arrivedOnPage(page, 300);
  // Each of them goes again as a whole: Chromium by itself repeats a request once that was reset without a word, where the
  // connection had been used before, and asks nobody.
  const { struck, passed } = (await proxy.stats()).rules[0];
  assert.equal(struck, 3);
  await settle(t, { server, sources: await filesOf(folder), most: passed });
});

test('ack lost halfway', async (t) => {
  const folder = await some(t, 300, 50_000);
  const rules = [{ on: 'POST *', minBody: CONTENT, when: { first: 3 }, fault: { cutReply: { after: 10 } } }];
  const { server, page, proxy } = await open(t, { rules, link: { up: 8_000_000 } });
  await drop(page, [folder]);
  await arrivedOnPage(page, 300);
  assert.equal((await proxy.stats()).rules[0].struck, 3);
  // This is left to us: the server is asked before anything goes again, and has it all.
  await settle(t, { server, sources: await filesOf(folder), most: 0 });
});

test('lost ack of a batch and its end', async (t) => {
  const folder = await some(t, 20, 50_000);
  const rules = ['POST */batches', 'POST */complete'].map((on) => ({ on, when: { first: 2 }, fault: 'lostReply' }));
  const { server, page, proxy } = await open(t, { rules });
  await drop(page, [folder]);
  await arrivedOnPage(page, 20);
  assert.deepEqual((await proxy.stats()).rules.map(({ struck }) => struck), [2, 2]);
  const batches = [];
  for await (const { status } of server.list('/v1/batches', 'batches')) batches.push(status);
  // Closed, and no more: nothing is processed here (world.mjs).
  assert.deepEqual(batches, ['processing'], 'one batch, whatever was repeated');
  await settle(t, { server, sources: await filesOf(folder), most: 0 });
});
