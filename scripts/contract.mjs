// npm run contract [-- --examples N --seed N]: schemathesis asks a real server whatever its description (GET /openapi.json) allows,
// and what it does not, and holds each answer against it.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Server } from '../tests/e2e/server.mjs';
import { fill } from './contract/fill.mjs';
import { schemathesis } from './contract/tool.mjs';
import { TARGET, server as build } from './lib/build.mjs';
import { Complaint, command, seconds } from './lib/run.mjs';
import { rust } from './lib/tools.mjs';

await command(async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      // Cases a call and phase, at most.
      examples: { type: 'string', default: '40' },
      seed: { type: 'string', default: '1' },
    },
  });
  await rust();
  const tool = await schemathesis();
  await build();

  const started = performance.now();
  // The receiver of webhooks is on this machine.
  const server = await Server.start(['--allow-private-webhooks']);
  try {
    const { lists, end } = await fill(server);
    try {
      const described = `${server.url}/openapi.json`;
      const asked = ['--max-examples', values.examples, '--seed', values.seed];
      await tool.run(['--config-file', await settings(lists), 'run', described, ...asked], { KEY: server.key });
      await answered(server);
    } finally {
      end();
    }
  } finally {
    await server.stop();
  }
  console.log(`the server answers as it is described: ${seconds(started)}`);
});

/** schemathesis.toml with what is there to be asked for. */
async function settings(lists) {
  const fixed = await readFile(new URL('contract/schemathesis.toml', import.meta.url), 'utf8');
  const tables = Object.entries(lists).map(([name, values]) => `[dictionaries.${name}]\nvalues = ${JSON.stringify(values)}\n`);
  const folder = join(TARGET, 'contract');
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'schemathesis.toml');
  await writeFile(path, [fixed, ...tables].join('\n'));
  return path;
}

/** What was never answered well was hardly tried. */
async function answered(server) {
  const [{ paths }, metrics] = await Promise.all([server.json('/openapi.json'), server.metrics()]);
  const well = (method, path) =>
    Object.keys(metrics).some((name) => name.startsWith(`cloudindex_requests_total{method="${method}",route="${path}",status="2`));
  const calls = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => [method.toUpperCase(), path]));
  const missed = calls.filter((call) => !well(...call)).map((call) => call.join(' '));
  if (missed.length > 0) throw new Complaint(`never answered with 2xx, so not tried: ${missed.join(', ')}`);
  console.log(`${calls.length} calls, all of them answered with 2xx, too`);
}
