import { connect, type Socket } from 'node:net';
import type { SysLogHandler } from '../../config/logging.ts';
import { Outage } from './outage.ts';
import { type OutletListener, RETRY_MS } from './outlet.ts';
import { RecordQueue } from './record-queue.ts';
import type { Wire } from './syslog.ts';

/** TCP, or a Unix socket of streams: connected when there is something to send, and again after it was lost. */
export function openStream(address: SysLogHandler['address'], listener: OutletListener): Wire {
  const place = typeof address === 'string' ? address : `${address.host}:${address.port}`;
  const outage = new Outage(listener);
  const queue = new RecordQueue();
  let socket: Socket | undefined;
  let connected = false;
  let closed = false;
  let retry: NodeJS.Timeout | undefined;

  /** Gives the socket as much as it takes; the rest waits here, where it is counted. */
  const pump = (): void => {
    if (!connected || socket === undefined || socket.writableNeedDrain) return;
    if (!queue.isEmpty) socket.write(queue.take());
    if (closed) socket.end();
    else if (!socket.writableNeedDrain) outage.recover();
  };

  const start = (): void => {
    if (socket !== undefined || retry !== undefined) return;
    let reason = 'the connection was closed';
    socket = typeof address === 'string' ? connect(address) : connect(address.port, address.host);
    socket.unref();
    socket.once('connect', () => {
      connected = true;
      pump();
    });
    socket.on('drain', pump);
    // It never speaks; what it says must not fill the memory either.
    socket.resume();
    socket.on('error', (error) => {
      reason = error.message;
    });
    socket.once('close', () => {
      socket = undefined;
      connected = false;
      if (closed) return;
      outage.fail(`syslog at ${place}: ${reason}`);
      retry = setTimeout(() => {
        retry = undefined;
        start();
      }, RETRY_MS).unref();
    });
  };

  return {
    send(record) {
      start();
      if (queue.add(record)) pump();
      else outage.drop(1);
    },
    close() {
      closed = true;
      clearTimeout(retry);
      pump();
    },
  };
}
