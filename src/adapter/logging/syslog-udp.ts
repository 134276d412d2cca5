import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns';
import { isIP, isIPv6 } from 'node:net';
import { Outage } from './outage.ts';
import { MAX_WAITING_BYTES, type OutletListener, RETRY_MS } from './outlet.ts';
import type { Wire } from './syslog.ts';

/** How long an address is used before its name is looked up again. */
const ADDRESS_MS = 60_000;

/** A name is looked up once for many records: a resolver that does not answer holds up other work of Node's. */
export function openUdp(
  { host, port }: { readonly host: string; readonly port: number },
  listener: OutletListener,
): Wire {
  const outage = new Outage(listener);
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' });
  socket.unref();
  let address = isIP(host) ? host : undefined;
  let lookUpAt = 0;
  let closed = false;
  const failed = (error: Error): void => outage.fail(`syslog at ${host}:${port}: ${error.message}`);
  socket.on('error', failed);

  const lookUp = (): void => {
    const now = performance.now();
    if (isIP(host) || now < lookUpAt) return;
    lookUpAt = Number.POSITIVE_INFINITY;
    lookup(host, { family: 4 }, (error, found) => {
      lookUpAt = performance.now() + (error ? RETRY_MS : ADDRESS_MS);
      if (error) failed(error);
      else address = found;
    });
  };
  lookUp();

  return {
    send(record) {
      lookUp();
      if (closed) return;
      if (address === undefined || socket.getSendQueueSize() > MAX_WAITING_BYTES) outage.drop(1);
      else
        socket.send(record, port, address, (error) => {
          if (error) failed(error);
          else outage.recover();
        });
    },
    close() {
      closed = true;
      socket.close();
    },
  };
}
