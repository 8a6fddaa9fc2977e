// node scripts/model.mjs [DIR]: gets the embedding model that the server uses, unless it is there.
import { model } from './lib/model.mjs';
import { command } from './lib/run.mjs';

await command(async ([directory]) => console.log(await model(directory)));
