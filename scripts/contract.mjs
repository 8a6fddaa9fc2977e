// npm run contract [-- --examples N --seed N]: schemathesis asks a real server whatever its description (GET /openapi.json) allows,
// and what it does not, and holds each answer against it. Ends badly with the first thing that does not fit.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fill } from './contract/fill.mjs';
import { schemathesis } from './contract/tool.mjs';
import { TARGET, server as build } from './lib/build.mjs';
import { command, seconds } from './lib/run.mjs';
import { rust } from './lib/tools.mjs';
import { Server } from '../tests/e2e/server.mjs';

await command(async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      // Requests a call and phase, about.
      examples: { type: 'string', default: '25' },
      seed: { type: 'string', default: '1' },
    },
  });
  await rust();
  const tool = await schemathesis();
  await build();

  const started = performance.now();
  // Its own receiver of webhooks is on this machine; others than that are not asked for (schemathesis.toml).
  const server = await Server.start(['--allow-private-webhooks']);
  try {
    const { lists, end } = await fill(server);
    try {
      await tool.run(['--config-file', await config(lists), 'run', `${server.url}/openapi.json`, '--max-examples', values.examples, '--seed', values.seed], {
        KEY: server.key,
      });
    } finally {
      console.log(await server.metrics());
      await end();
    }
  } finally {
    await server.stop();
  }
  console.log(`the server keeps its contract, in ${seconds(started)}`);
});

/** The settings, with what is there to be asked for. */
async function config(lists) {
  const settings = await readFile(new URL('contract/schemathesis.toml', import.meta.url), 'utf8');
  const tables = Object.entries(lists).map(([name, values]) => `[dictionaries.${name}]\nvalues = ${JSON.stringify(values)}\n`);
  const path = join(TARGET, 'contract/schemathesis.toml');
  await mkdir(join(TARGET, 'contract'), { recursive: true });
  await writeFile(path, [settings, ...tables].join('\n'));
  return path;
}
