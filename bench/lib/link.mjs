// The way from browser to server. The bench runs in a network namespace of its own, so its loopback carries nothing else:
// what goes to and from the server's port is counted there, and shaped if asked. A delay is a proxy's (receiver/src/delay.rs).
import { execFileSync } from 'node:child_process';
import { RECEIVER } from '../prepare.mjs';
import { listening } from './process.mjs';

/** Set by scripts/bench.mjs inside the namespace. */
export const PRIVATE = process.env.CLOUDINDEX_BENCH_PRIVATE === '1';

const tc = (...args) => execFileSync('tc', args.map(String), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const ip = (...args) => execFileSync('ip', args);

/** Once, before the first run. Chromium believes itself offline where nothing but loopback is up. */
export function raise() {
  if (!PRIVATE) return;
  ip('link', 'set', 'lo', 'up');
  ip('link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'other');
  ip('addr', 'add', '10.111.0.1/24', 'dev', 'one');
  for (const name of ['one', 'other']) ip('link', 'set', name, 'up');
  ip('route', 'add', 'default', 'via', '10.111.0.2');
}

/** `latency`: round trip in ms. `rate`: Mbit/s each way. Returns `{ url, sent(), close() }`. */
export async function link(server, { latency, rate }) {
  const proxy = latency > 0 ? await listening(RECEIVER, ['delay', new URL(server.url).host, String(latency)]) : undefined;
  const url = proxy?.url ?? server.url;
  if (PRIVATE) shape(new URL(url).port, rate);
  return {
    url,
    /** Bytes to the server until now, headers of all layers included. */
    sent: () => (PRIVATE ? Number(/class htb 1:1 .*?\n Sent (\d+) bytes/.exec(tc('-s', 'class', 'show', 'dev', 'lo'))[1]) : undefined),
    async close() {
      if (PRIVATE) tc('qdisc', 'del', 'dev', 'lo', 'root');
      await proxy?.stop();
    },
  };
}

/** Class 1 holds what goes to the server, class 2 what comes from it; all else passes by. */
function shape(port, rate) {
  // Ethernet's frames on a shaped link; without a rate, loopback as it is, counted.
  ip('link', 'set', 'lo', 'mtu', rate ? '1500' : '65536');
  tc('qdisc', 'add', 'dev', 'lo', 'root', 'handle', '1:', 'htb');
  for (const [direction, id] of [['dport', '1:1'], ['sport', '1:2']]) {
    // The burst is 4 ms of the link, the queue 100 ms.
    const [speed, burst] = rate ? [`${rate}mbit`, Math.max(3000, Math.round(rate * 500))] : ['200gbit', 100_000_000];
    tc('class', 'add', 'dev', 'lo', 'parent', '1:', 'classid', id, 'htb', 'rate', speed, 'burst', burst, 'cburst', burst, 'quantum', '100000');
    tc('qdisc', 'add', 'dev', 'lo', 'parent', id, 'bfifo', 'limit', rate ? Math.max(64_000, Math.round(rate * 12_500)) : 1_000_000_000);
    tc('filter', 'add', 'dev', 'lo', 'parent', '1:', 'protocol', 'ip', 'u32', 'match', 'ip', direction, port, '0xffff', 'flowid', id);
  }
}
