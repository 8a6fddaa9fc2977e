// npm run sim -- --seeds N: the seeded simulation of network and server around the engine.
import { command, run } from './lib/run.mjs';

await command((args) => run('cargo', ['run', '--release', '--quiet', '-p', 'cloudindex-sim', '--', ...args]));
