// The package's worker, with an ear: a page doesn't see the requests of its workers. They are counted here and told on the channel
// that the worker's name says (requests.js).
import './dist/worker.js';
import { isUpload } from './counted.js';

const { channel, round } = JSON.parse(self.name);
const out = new BroadcastChannel(channel);

new PerformanceObserver((list) => {
  const number = list.getEntries().filter(({ name }) => isUpload(name)).length;
  if (number > 0) out.postMessage({ round, number });
}).observe({ type: 'resource' });
