import type { SendHandle } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { lstatSync, rmSync } from 'node:fs';
import net, { connect, isIP } from 'node:net';
import { getSystemErrorName } from 'node:util';
import * as v from 'valibot';

/** Where a backend listens, as the configuration says it: a TCP port, or the path of a Unix socket. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** What one socket is bound to. A host name may stand for several. */
export type SocketAddress = { readonly ip: string; readonly port: number } | { readonly path: string };

/** The sockets of one address. */
export interface Listener {
  readonly address: ListenAddress;
  readonly sockets: readonly BoundSocket[];
}

export interface BindFailure {
  readonly ok: false;
  /** The system's: `EADDRINUSE`. */
  readonly code: string;
  readonly reason: string;
}

export type BindOutcome = { readonly ok: true; readonly socket: BoundSocket } | BindFailure;

/**
 * Anyone on the machine may connect, as to a port on loopback; RabbitMQ's credentials decide what they may do. So a socket
 * is made with mode 666. A chmod(2) afterwards would follow a link that lies in its place by then.
 */
const SOCKET_UMASK = 0o111;

/**
 * Node's cluster module binds sockets for its workers with this. It has no documented name, but no documented way of
 * binding a socket without accepting on it either.
 */
const binder = v.looseObject({ _createServerHandle: v.function() });
const boundHandle = v.looseObject({
  close: v.function(),
  getsockname: v.optional(v.function()),
});

type BoundHandle = SendHandle & v.InferOutput<typeof boundHandle>;

/** Node's types know the sockets and servers that can be sent, and not the handles below them. */
const isBoundHandle = (handle: unknown): handle is BoundHandle => v.is(boundHandle, handle);

export function describe(address: ListenAddress): string {
  if ('path' in address) return `unix:${address.path}`;
  return isIP(address.host) === 6 ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

export const sameSocket = (a: SocketAddress, b: SocketAddress): boolean =>
  'path' in a ? 'path' in b && a.path === b.path : 'ip' in b && a.ip === b.ip && a.port === b.port;

/** All that a host name stands for; none where nobody knows it. */
export async function socketAddressesOf(address: ListenAddress): Promise<readonly SocketAddress[]> {
  if ('path' in address) return [address];
  const { host, port } = address;
  if (isIP(host)) return [{ ip: host, port }];
  const found = await lookup(host, { all: true }).catch(() => []);
  return [...new Set(found.map((entry) => entry.address))].map((ip) => ({ ip, port }));
}

/**
 * A bound socket that this process never accepts on. Backends are given it and share it, so a connection that comes
 * while one of them is replaced waits in the kernel's queue instead of being refused.
 */
export class BoundSocket {
  readonly address: SocketAddress;
  #handle: BoundHandle;

  private constructor(address: SocketAddress, handle: BoundHandle) {
    this.address = address;
    this.#handle = handle;
  }

  static async bind(address: SocketAddress): Promise<BindOutcome> {
    const bound = await bind(address);
    return bound.ok ? { ok: true, socket: new BoundSocket(address, bound.handle) } : bound;
  }

  /** For `subprocess.send` and `server.listen`. */
  get handle(): SendHandle {
    return this.#handle;
  }

  /** Backends that were given it go on listening. */
  close(): void {
    this.#handle.close();
  }

  /** After a close. */
  async bindAgain(): Promise<BindFailure | undefined> {
    const bound = await bind(this.address);
    if (!bound.ok) return bound;
    this.#handle = bound.handle;
    return undefined;
  }
}

type Bound = { readonly ok: true; readonly handle: BoundHandle } | BindFailure;

async function bind(address: SocketAddress): Promise<Bound> {
  if ('path' in address) return bindPath(address.path);
  const { ip, port } = address;
  const bound = create(ip, port, isIP(ip));
  // Dual-stack where there is IPv6, else IPv4 alone.
  if (!bound.ok && ip === '::' && HAS_NO_SUCH_ADDRESS.has(bound.code)) return create('0.0.0.0', port, 4);
  return bound;
}

async function bindPath(path: string): Promise<Bound> {
  try {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found && !found.isSocket()) return failure('EADDRINUSE', 'there is something that is no socket');
    if (found) {
      const error = await errorOfConnecting(path);
      // One that is too busy to accept answers EAGAIN. Only of a socket whose process is gone is a connection refused.
      if (error !== 'ECONNREFUSED' && error !== 'ENOENT') return failure('EADDRINUSE', 'another process listens there');
      rmSync(path, { force: true });
    }
    const umask = process.umask(SOCKET_UMASK);
    try {
      return create(path, -1, -1);
    } finally {
      process.umask(umask);
    }
  } catch (error) {
    return { ok: false, code: '', reason: error instanceof Error ? error.message : String(error) };
  }
}

function create(host: string, port: number, family: number): Bound {
  const handle: unknown = v.parse(binder, net)._createServerHandle(host, port, family);
  if (typeof handle === 'number') return failureOf(handle);
  if (!isBoundHandle(handle)) throw new TypeError('Node binds sockets in another way now');
  // A port that another process listens on shows only here (libuv delays that error until it is asked).
  const status: unknown = handle.getsockname?.({});
  if (typeof status === 'number' && status !== 0) {
    handle.close();
    return failureOf(status);
  }
  return { ok: true, handle };
}

/** This machine, or its kernel, has no such address. */
export const HAS_NO_SUCH_ADDRESS: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL']);

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there',
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'this machine has no such address',
};

function failureOf(errno: number): BindFailure {
  const code = getSystemErrorName(errno);
  return failure(code, REASONS[code]);
}

const failure = (code: string, reason: string | undefined): BindFailure => ({
  ok: false,
  code,
  reason: reason === undefined ? code : `${code}: ${reason}`,
});

/** Undefined where somebody accepts, or will. */
function errorOfConnecting(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
  });
}
