// A tab is about to be closed in the midst of an upload: the page asks first, and stays when it is told to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drop } from '../e2e/element.mjs';
import { filesOf } from '../e2e/verify.mjs';
import { arrivedOnPage, open, settle, some } from './world.mjs';

test('tab closed during an upload', async (t) => {
  const folder = await some(t, 200, 50_000);
  const { server, page, proxy } = await open(t, { link: { up: 4_000_000 } });
  await page.click('h1'); // browsers ask only for people who have touched the page
  await drop(page, [folder]);
  await proxy.passed(2_000_000);

  const asked = page.next('Page.javascriptDialogOpening');
  const closing = page.send('Page.close');
  assert.equal((await asked).type, 'beforeunload');
  await page.send('Page.handleJavaScriptDialog', { accept: false });
  await closing;

  await arrivedOnPage(page, 200);
  await settle(t, { server, sources: await filesOf(folder), most: 0 });

  // With everything there, nobody is held back.
  let held = false;
  page.next('Page.javascriptDialogOpening').then(() => (held = true));
  await page.goto('about:blank');
  assert.ok(!held, 'the page asked although the upload was over');
});
