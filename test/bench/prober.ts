/** A process that asks the gateway for /healthz every millisecond, and tells how long the longest answer took. */
import { Agent, get } from 'node:http';
import * as v from 'valibot';

const port = v.parse(v.pipe(v.string(), v.transform(Number), v.integer()), process.argv[2]);
const agent = new Agent({ keepAlive: true });

const MAX_PENDING = 4;

let longestMs = 0;
let pending = 0;
let ending = false;

function probe(): void {
  const sentAt = performance.now();
  pending += 1;
  get({ host: '127.0.0.1', port, path: '/healthz', agent }, (response) => {
    response.resume().once('end', () => {
      longestMs = Math.max(longestMs, performance.now() - sentAt);
      pending -= 1;
      tell();
    });
  });
}

function tell(): void {
  if (!ending || pending > 0) return;
  ending = false;
  process.send?.(longestMs);
}

process.on('message', (order) => {
  if (order === 'begin') longestMs = 0;
  ending = order === 'end';
  tell();
});
process.once('disconnect', () => process.exit());
setInterval(() => {
  if (!ending && pending < MAX_PENDING) probe();
}, 1);
process.send?.('ready');
