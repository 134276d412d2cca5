import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { SysLogHandler } from '../../config/logging.ts';
import type { LogLevel } from '../../handler/log.ts';
import type { Outlet, OutletListener } from './outlet.ts';
import { openLoggerProgram } from './syslog-program.ts';
import { openStream } from './syslog-stream.ts';

/** RFC 5424 section 6.2.1 */
const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, warning: 4, error: 3 };

/** What carries records that have their priority before them. */
export interface Wire {
  send(record: string): void;
  close(): void;
}

/** Records as CPython's SysLogHandler sends them: priority, `ident` and text, and a NUL at the end. */
export function openSyslog(
  { address, facility, socktype, properties }: SysLogHandler,
  listener: OutletListener,
): Outlet {
  const { ident = '', appendNul = true } = properties ?? {};
  const end = appendNul ? '\0' : '';
  const { wire, terminator } = ((): { wire: Wire; terminator: string } => {
    if (socktype === 'ext://socket.SOCK_STREAM') return { wire: openStream(address, listener), terminator: end };
    // The program ends a record itself.
    if (typeof address === 'string') return { wire: openLoggerProgram(address, listener), terminator: '' };
    return { wire: openUdp(address, listener), terminator: end };
  })();
  return {
    write: (level, record) => wire.send(`<${facility * 8 + SEVERITY[level]}>${ident}${record}${terminator}`),
    close: () => wire.close(),
  };
}

function openUdp({ host, port }: { readonly host: string; readonly port: number }, listener: OutletListener): Wire {
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' });
  socket.unref();
  const failed = (error: Error): void => listener.failed(`syslog at ${host}:${port}: ${error.message}`);
  socket.on('error', failed);
  return {
    send: (record) =>
      socket.send(record, port, host, (error) => {
        if (error) failed(error);
      }),
    close: () => socket.close(),
  };
}
