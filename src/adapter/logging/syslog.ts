import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { type SysLogHandler, type SyslogFacility, syslogFacilities } from '../../config/logging.ts';
import type { LogLevel } from '../../handler/log.ts';

/** Where formatted lines go. */
export interface Outlet {
  write(level: LogLevel, line: string): void;
  close(): void;
}

/** RFC 5424 section 6.2.1 */
const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, warning: 4, error: 3 };

/** The codes 12 to 15 are reserved. */
function facilityCode(facility: SyslogFacility): number {
  const position = syslogFacilities.indexOf(facility);
  return position < 12 ? position : position + 4;
}

/** Of lines that wait for the receiver. */
const MAX_WAITING_BYTES = 1024 * 1024;

const RETRY_MS = 5_000;

/** @param complain is told once that the sink cannot be reached; it is tried again all the same */
export function openSyslog({ address, facility }: SysLogHandler, complain: (reason: string) => void): Outlet {
  const code = facilityCode(facility);
  const wire = typeof address === 'string' ? openSocket(address, complain) : openUdp(address, complain);
  return {
    write: (level, line) => wire.send(`<${code * 8 + SEVERITY[level]}>${line}`),
    close: () => wire.close(),
  };
}

/** What carries lines that have their priority before them. */
interface Wire {
  send(line: string): void;
  close(): void;
}

function openUdp(
  { host, port }: { readonly host: string; readonly port: number },
  complain: (reason: string) => void,
): Wire {
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' });
  socket.unref();
  socket.on('error', (error) => complain(`syslog at ${host}:${port}: ${error.message}`));
  return {
    send: (line) =>
      // A NUL ends the message, as Python's handler has it.
      socket.send(`${line}\0`, port, host, (error) => {
        if (error) complain(`syslog at ${host}:${port}: ${error.message}`);
      }),
    close: () => socket.close(),
  };
}

/**
 * A datagram socket such as /dev/log. Node has none, and the addon that has them is compiled where it is installed; so
 * lines go to a logger(1), of which every Linux has one, over its standard input.
 */
function openSocket(path: string, complain: (reason: string) => void): Wire {
  let child: ChildProcess | undefined;
  let retryAt = 0;
  let closed = false;
  const failed = (reason: string): void => {
    child = undefined;
    retryAt = performance.now() + RETRY_MS;
    if (!closed) complain(`syslog at ${path}: ${reason}`);
  };
  const start = (): ChildProcess => {
    const started = spawn(
      'logger',
      ['--socket', path, '--socket-errors=on', '--prio-prefix', '--tag', 'statelessd', '--id'],
      {
        stdio: ['pipe', 'ignore', 'ignore'],
      },
    );
    started.once('error', (error) => failed(error.message));
    started.once('exit', (status) => failed(`logger ended with ${status}`));
    started.stdin?.on('error', () => {});
    started.unref();
    return started;
  };
  return {
    send(line) {
      if (performance.now() < retryAt) return;
      child ??= start();
      // A receiver that does not read must not fill the memory.
      if ((child.stdin?.writableLength ?? 0) > MAX_WAITING_BYTES)
        complain(`syslog at ${path}: it takes no lines; some are lost`);
      else child.stdin?.write(`${line}\n`);
    },
    close() {
      closed = true;
      child?.stdin?.end();
    },
  };
}
