// npm run screens [-- STATE …]: the pictures of docs/screens.md, in docs/screens: every state of the element in every look, as the browser draws it.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT, command } from '../../scripts/lib/run.mjs';
import { LOOKS, look, play } from './scenes.mjs';

const FOLDER = join(ROOT, 'docs/screens');
/** Of the page: the element is 32 px narrower. */
const WIDTH = 800;
/** What is the same for everybody who looks, or of no interest. */
const LEFT_OUT = ['keyboard', 'nothing'];

await command(async (words) => {
  const ends = [];
  const t = { after: (end) => ends.unshift(end), diagnostic: (line) => console.error(line) };
  if (words.length === 0) await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER, { recursive: true });
  let [count, bytes] = [0, 0];
  try {
    await play(t, async (page, state) => {
      const wanted = !LEFT_OUT.includes(state) && (words.length === 0 || words.includes(state));
      for (const [name, how] of Object.entries(LOOKS)) {
        await look(page, how, WIDTH); // In each, for what a look needs is not there any more when the server is gone.
        if (!wanted) continue;
        const clip = await page.evaluate(() => {
          const { x, y, width, height } = document.querySelector('cloudindex-uploader').getBoundingClientRect();
          return { x: x + scrollX - 6, y: y + scrollY - 6, width: width + 12, height: height + 12, scale: 1 };
        });
        const { data } = await page.send('Page.captureScreenshot', { format: 'webp', quality: 80, clip, captureBeyondViewport: true });
        const image = Buffer.from(data, 'base64');
        await writeFile(join(FOLDER, `${state}-${name}.webp`), image);
        count++;
        bytes += image.length;
      }
      await look(page, LOOKS.light);
    });
  } finally {
    for (const end of ends) await end();
  }
  console.log(`docs/screens: ${count} pictures, ${Math.round(bytes / 1000)} kB`);
});
