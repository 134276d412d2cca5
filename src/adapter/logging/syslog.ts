import type { SysLogHandler } from '../../config/logging.ts';
import type { LogLevel } from '../../handler/log.ts';
import type { Outlet, OutletListener } from './outlet.ts';
import { openStream } from './syslog-stream.ts';
import { openUdp } from './syslog-udp.ts';
import { UnixSyslog } from './syslog-unix.ts';

/** RFC 5424 section 6.2.1 */
const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, warning: 4, error: 3 };

/** What carries records that have their priority before them. */
export interface Wire {
  send(record: Buffer): void;
  close(): void;
}

/** Receivers cut or split what is longer: rsyslog's `maxMessageSize` is 8192. */
const MAX_RECORD_BYTES = 8_000;

const CUT = Buffer.from('…');

/** Records as CPython's SysLogHandler sends them: priority, `ident` and text, and a NUL at the end. */
export function openSyslog(
  { address, facility, socktype, properties }: SysLogHandler,
  listener: OutletListener,
): Outlet {
  const { ident = '', appendNul = true } = properties ?? {};
  const end = Buffer.from(appendNul ? '\0' : '');
  const wire = ((): Wire => {
    if (socktype === 'ext://socket.SOCK_STREAM') return openStream(address, listener);
    if (typeof address === 'string') return new UnixSyslog(address, listener);
    return openUdp(address, listener);
  })();
  return {
    write(level, record) {
      const bytes = Buffer.from(`<${facility * 8 + SEVERITY[level]}>${ident}${record}`);
      wire.send(Buffer.concat([withinBytes(bytes, MAX_RECORD_BYTES - end.length), end]));
    },
    close: () => wire.close(),
  };
}

/** What is too long loses its end, and has a mark in its place. */
function withinBytes(text: Buffer, max: number): Buffer {
  if (text.length <= max) return text;
  let length = max - CUT.length;
  // Not within a character: all but the first byte of one are 10xxxxxx in binary.
  while (length > 0 && ((text[length] ?? 0) & 0xc0) === 0x80) length -= 1;
  return Buffer.concat([text.subarray(0, length), CUT]);
}
