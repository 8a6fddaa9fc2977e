// The process of an application: what it has before a document's blocks come is an Express application that reads JSON.
import http from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import express from 'express';

const app = express();
app.use(express.json());
Object.assign(globalThis, { app, require: createRequire(import.meta.url) });

/** What no block caught, since it was last asked. */
const failures = [];
process.on('uncaughtException', (error) => failures.push(error));
process.on('unhandledRejection', (error) => failures.push(error));

console.log = (...values) => told('console.log', values);

process.on('message', async ({ run, foreign }) => {
  const answer = await (run ? running(run, foreign) : settling()).catch((error) => ({ failed: shown(error) }));
  if (failures.length > 0) answer.failed ??= shown(failures[0]);
  failures.length = 0;
  process.send({ answer });
});
process.on('disconnect', () => process.exit());

async function running(path, foreign) {
  for (const name of foreign) globalThis[name] ??= (...values) => told(name, values);
  const { app } = globalThis;
  const before = routes();
  await import(pathToFileURL(path));
  const added = app === globalThis.app ? routes().slice(before.length) : routes();
  return { address: await served(), routes: added };
}

/** What was begun without being waited for has its turn. */
async function settling() {
  await new Promise((next) => setImmediate(next));
  return {};
}

/** An error with the lines of its stack that are the block's. */
function shown(error) {
  return (error?.stack ?? String(error)).split('\n').filter((line) => !/^ +at .*(node:|node_modules)/.test(line)).join('\n');
}

function told(name, values) {
  process.send({ called: { name, values } });
}

/** `METHOD /path` of all that the application answers. */
function routes() {
  const { stack } = globalThis.app.router;
  return stack.flatMap(({ route }) => (route ? Object.keys(route.methods).map((method) => `${method.toUpperCase()} ${route.path}`) : []));
}

let serving;

/** The address of the application as it is now, whether or not a block listens itself. */
async function served() {
  if (serving?.app !== globalThis.app) {
    serving?.server.close();
    const server = http.createServer(globalThis.app);
    await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
    serving = { app: globalThis.app, server };
  }
  return `http://127.0.0.1:${serving.server.address().port}`;
}
