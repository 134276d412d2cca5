import type { Path } from './kind.ts';
import { facilities } from './log-values.ts';
import type { LoggingWarning } from './logging.ts';

/** What `ext://` may name: Python's constants that a configuration of ours has a use for. */
const CONSTANTS = new Map<string, unknown>([
  ['sys.stdout', 'ext://sys.stdout'],
  ['sys.stderr', 'ext://sys.stderr'],
  ['sys.__stdout__', 'ext://sys.stdout'],
  ['sys.__stderr__', 'ext://sys.stderr'],
  ['socket.SOCK_STREAM', 'ext://socket.SOCK_STREAM'],
  ['socket.SOCK_DGRAM', 'ext://socket.SOCK_DGRAM'],
  ['socket.SocketKind.SOCK_STREAM', 'ext://socket.SOCK_STREAM'],
  ['socket.SocketKind.SOCK_DGRAM', 'ext://socket.SOCK_DGRAM'],
  ['logging.handlers.SYSLOG_UDP_PORT', 514],
  ['logging.handlers.SYSLOG_TCP_PORT', 514],
  ['logging.NOTSET', 0],
  ['logging.DEBUG', 10],
  ['logging.INFO', 20],
  ['logging.WARNING', 30],
  ['logging.WARN', 30],
  ['logging.ERROR', 40],
  ['logging.CRITICAL', 50],
  ['logging.FATAL', 50],
  ...[...facilities].map(
    ([name, code]) =>
      [`logging.handlers.SysLogHandler.LOG_${name === 'solaris-cron' ? 'SOLCRON' : name.toUpperCase()}`, code] as const,
  ),
]);

/** SOCK_STREAM and SOCK_DGRAM are numbers, if one likes. */
const SOCKET_TYPES = new Map<unknown, string>([
  [1, 'ext://socket.SOCK_STREAM'],
  [2, 'ext://socket.SOCK_DGRAM'],
]);

/** A copy of a tree with its `ext://` and `cfg://` values in place. What cannot be had is a mistake. */
export function resolvePython(tree: unknown, at: Path, mistakes: LoggingWarning[]): unknown {
  const follow = (value: unknown, place: Path, depth: number): unknown => {
    if (Array.isArray(value)) return value.map((each: unknown, index) => follow(each, [...place, index], depth));
    if (value instanceof Map) {
      return new Map([...value].map(([key, each]) => [key, follow(each, [...place, String(key)], depth)]));
    }
    if (place.at(-1) === 'socktype') return SOCKET_TYPES.get(value) ?? resolved(value, place, depth);
    return resolved(value, place, depth);
  };
  const resolved = (value: unknown, place: Path, depth: number): unknown => {
    const [, prefix, name = ''] = (typeof value === 'string' && /^(ext|cfg):\/\/(.*)$/s.exec(value)) || [];
    if (prefix === undefined) return value;
    const found = prefix === 'ext' ? CONSTANTS.get(name) : depth < 16 ? valueAt(tree, name) : undefined;
    if (found !== undefined) return prefix === 'ext' ? found : follow(found, place, depth + 1);
    const known = [...CONSTANTS.keys()].filter((each) => !/__|SocketKind|LOG_/.test(each));
    mistakes.push({
      at: place,
      message:
        prefix === 'ext'
          ? `only Python has this object; expected ext:// and one of ${known.join(', ')}`
          : 'cfg:// leads nowhere; expected a path within Logging, such as cfg://handlers.console.level',
    });
    return undefined;
  };
  return follow(tree, at, 0);
}

/** `handlers.console.level`, `list[0]`, `mapping[key]`. */
function valueAt(tree: unknown, path: string): unknown {
  return path
    .replaceAll(/\[\s*([^\]]*?)\s*\]/g, '.$1')
    .split('.')
    .reduce<unknown>((below, part) => {
      if (below instanceof Map) return below.get(part);
      return Array.isArray(below) && /^\d+$/.test(part) ? below[Number(part)] : undefined;
    }, tree);
}
