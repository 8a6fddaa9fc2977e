// npm start [-- server flags]: installs what is missing, builds what is stale, serves the page and the API.
import { spawn } from 'node:child_process';
import { SERVER, build } from './lib/build.mjs';
import { model } from './lib/model.mjs';
import { Complaint, ROOT, command, ended } from './lib/run.mjs';

const DEFAULTS = { '--data': 'data', '--page': 'dist/page' };

await command(async (args) => {
  await build();
  const given = (flag) => args.some((arg) => arg === flag || arg.startsWith(`${flag}=`));
  const own = { ...DEFAULTS };
  if (!given('--model') && !given('--embeddings-url')) {
    // Without a model the server starts all the same, and says what is missing.
    await model().then((directory) => (own['--model'] = directory), (error) => console.error(`no embedding model: ${error.message}`));
  }
  const defaults = Object.entries(own).filter(([flag]) => !given(flag)).flat();
  const server = spawn(SERVER, [...defaults, ...args], { cwd: ROOT, stdio: 'inherit' });
  // A Ctrl-C reaches the server by itself, a signal to npm does not. Either way this process ends after the server.
  let stopped = false;
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      stopped = true;
      server.kill(signal);
    });
  }
  const status = await ended(server);
  if (status !== 0 && !stopped) throw new Complaint(`the server ended: ${status}`);
});
