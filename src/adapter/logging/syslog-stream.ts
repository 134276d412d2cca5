import { connect, type Socket } from 'node:net';
import type { SysLogHandler } from '../../config/logging.ts';
import { MAX_WAITING_BYTES, type OutletListener, RETRY_MS } from './outlet.ts';
import type { Wire } from './syslog.ts';

/** TCP, or a Unix socket of streams: connected when there is something to send, and again after it was lost. */
export function openStream(address: SysLogHandler['address'], listener: OutletListener): Wire {
  const place = typeof address === 'string' ? address : `${address.host}:${address.port}`;
  let socket: Socket | undefined;
  let connected = false;
  let failing = false;
  let closed = false;
  let dropped = 0;
  let waiting: string[] = [];
  let waitingBytes = 0;
  let retry: NodeJS.Timeout | undefined;

  const start = (): void => {
    if (socket !== undefined || retry !== undefined) return;
    let reason = 'the connection was closed';
    socket = typeof address === 'string' ? connect(address) : connect(address.port, address.host);
    socket.unref();
    socket.once('connect', () => {
      connected = true;
      if (failing) listener.recovered(dropped);
      failing = false;
      dropped = 0;
      const records = waiting.join('');
      waiting = [];
      waitingBytes = 0;
      if (records !== '') socket?.write(records);
      if (closed) socket?.end();
    });
    // It never speaks; what it says must not fill the memory either.
    socket.resume();
    socket.on('error', (error) => {
      reason = error.message;
    });
    socket.once('close', () => {
      socket = undefined;
      connected = false;
      if (closed) return;
      if (!failing) listener.failed(`syslog at ${place}: ${reason}`);
      failing = true;
      retry = setTimeout(() => {
        retry = undefined;
        start();
      }, RETRY_MS).unref();
    });
  };

  return {
    send(record) {
      start();
      if (connected && socket !== undefined && socket.writableLength <= MAX_WAITING_BYTES) socket.write(record);
      else if (!connected && waitingBytes + record.length <= MAX_WAITING_BYTES) {
        waiting.push(record);
        waitingBytes += record.length;
      } else {
        dropped += 1;
        if (!failing) listener.failed(`syslog at ${place}: it takes records too slowly; some are lost`);
        failing = true;
      }
    },
    close() {
      closed = true;
      clearTimeout(retry);
      if (connected) socket?.end();
    },
  };
}
