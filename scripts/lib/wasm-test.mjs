// Runs an ordinary Rust test binary that was built for wasm32-unknown-unknown. Such a binary has no console and no exit
// code: its `main` returns when every test passed, and traps in the one that failed, which the stack then names.
import { readFile } from 'node:fs/promises';

const [path] = process.argv.slice(2);
const module = await WebAssembly.compile(await readFile(path));

// The one thing that a test may ask of the world: proptest's seeds. The same in each run, because a failure found here
// can't print its case; native runs are the ones that look for new cases.
let state = 1;
const env = {
  __getrandom_v03_custom(start, length) {
    const bytes = new Uint8Array(instance.exports.memory.buffer, start, length);
    for (let i = 0; i < length; i++) bytes[i] = (state = Math.imul(state, 1103515245) + 12345) >>> 16;
    return 0;
  },
};
const strange = WebAssembly.Module.imports(module).filter(({ module, name }) => module !== 'env' || !(name in env));
if (strange.length > 0) {
  console.error(`${path} imports ${strange.map(({ module, name }) => `${module}.${name}`).join(', ')}`);
  process.exit(1);
}

Error.stackTraceLimit = 50;
const instance = await WebAssembly.instantiate(module, { env });
try {
  const status = instance.exports.main(0, 0);
  if (status !== 0) throw new Error(`main returned ${status}`);
} catch (error) {
  console.error(`a test failed for wasm32:\n${error.stack}`);
  process.exit(1);
}
