import type { SendHandle } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import net, { connect, isIP } from 'node:net';
import { getSystemErrorName } from 'node:util';
import * as v from 'valibot';

/** Where a backend listens: a TCP port, or the path of a Unix socket. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * A bound socket that this process never accepts on. Backends are given it and share it, so a connection that comes
 * while one of them is replaced waits in the kernel's queue instead of being refused.
 */
export interface Listener {
  readonly address: ListenAddress;
  /** For `subprocess.send` and `server.listen`. */
  readonly handle: SendHandle;
  close(): void;
}

export type ListenOutcome =
  | { readonly ok: true; readonly listener: Listener }
  | { readonly ok: false; readonly reason: string };

/** Anyone on the machine may connect, as to a port on loopback; RabbitMQ's credentials decide what they may do. */
const SOCKET_MODE = 0o666;

/**
 * Node's cluster module binds sockets for its workers with this. It has no documented name, but no documented way of
 * binding a socket without accepting on it either.
 */
const binder = v.looseObject({ _createServerHandle: v.function() });
const boundHandle = v.looseObject({
  close: v.function(),
  getsockname: v.optional(v.function()),
});

/** Node's types know the sockets and servers that can be sent, and not the handles below them. */
const isSendHandle = (handle: unknown): handle is SendHandle & v.InferOutput<typeof boundHandle> =>
  v.is(boundHandle, handle);

export function describe(address: ListenAddress): string {
  if ('path' in address) return `unix:${address.path}`;
  return isIP(address.host) === 6 ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

export async function bind(address: ListenAddress): Promise<ListenOutcome> {
  return 'path' in address ? bindPath(address.path) : bindPort(address.host, address.port);
}

async function bindPort(host: string, port: number): Promise<ListenOutcome> {
  const address = { host, port };
  const resolved = isIP(host) ? { address: host } : await lookup(host).catch(() => undefined);
  if (!resolved) return { ok: false, reason: `${host} has no address` };
  const outcome = create(address, resolved.address, port, isIP(resolved.address));
  // Dual-stack where there is IPv6, else IPv4 alone.
  if (!outcome.ok && resolved.address === '::' && /^(EAFNOSUPPORT|EINVAL|EADDRNOTAVAIL)/.test(outcome.reason))
    return create(address, '0.0.0.0', port, 4);
  return outcome;
}

async function bindPath(path: string): Promise<ListenOutcome> {
  try {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found && !found.isSocket()) return { ok: false, reason: 'EADDRINUSE: there is something that is no socket' };
    if (found && (await answers(path))) return { ok: false, reason: 'EADDRINUSE: another process answers there' };
    // Its process is gone.
    if (found) unlinkSync(path);
    const outcome = create({ path }, path, -1, -1);
    if (outcome.ok) chmodSync(path, SOCKET_MODE);
    return outcome;
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

function create(address: ListenAddress, host: string, port: number, family: number): ListenOutcome {
  const created: unknown = v.parse(binder, net)._createServerHandle(host, port, family);
  if (typeof created === 'number') return { ok: false, reason: reasonOf(created) };
  if (!isSendHandle(created)) throw new TypeError('Node binds sockets in another way now');
  const handle = created;
  // A port that another process listens on shows only here (libuv delays that error until it is asked).
  const status: unknown = handle.getsockname?.({});
  if (typeof status === 'number' && status !== 0) {
    handle.close();
    return { ok: false, reason: reasonOf(status) };
  }
  return {
    ok: true,
    listener: { address, handle, close: () => handle.close() },
  };
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there',
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'this machine has no such address',
};

function reasonOf(errno: number): string {
  const name = getSystemErrorName(errno);
  const reason = REASONS[name];
  return reason === undefined ? name : `${name}: ${reason}`;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
