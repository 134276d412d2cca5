import {
  type BindFailure,
  BoundSocket,
  describe,
  HAS_NO_SUCH_ADDRESS,
  type ListenAddress,
  type Listener,
  type SocketAddress,
  sameSocket,
  socketAddressesOf,
} from './listener.ts';

/** The sockets of a configuration. */
export type Binding =
  | {
      readonly ok: true;
      readonly listeners: readonly Listener[];
      /** Those that were not bound before. */
      readonly bound: readonly BoundSocket[];
      /** Those that had to be closed first. */
      readonly displaced: readonly BoundSocket[];
    }
  | { readonly ok: false; readonly reason: string; readonly displaced: readonly BoundSocket[] };

/** One address of a configuration, and the sockets for it as they are found. */
interface Place {
  readonly address: ListenAddress;
  readonly wanted: readonly SocketAddress[];
}

/**
 * Binds all or none. What is bound already stays. A socket that goes may be in the way of one that comes, as `[::]:8000`
 * is of `127.0.0.1:8000`: Linux lets nobody listen on both, so it is closed first.
 *
 * @param held what is bound already
 * @param closeAll closes sockets in all processes that have them
 */
export async function bindAll(
  addresses: readonly ListenAddress[],
  held: readonly Listener[],
  closeAll: (sockets: readonly BoundSocket[]) => Promise<void>,
): Promise<Binding> {
  const heldSockets = held.flatMap(({ sockets }) => sockets);
  const bound: BoundSocket[] = [];
  const places: Place[] = [];
  for (const address of addresses) places.push({ address, wanted: await socketAddressesOf(address) });
  const wanted = places.flatMap((place) => place.wanted);
  const find = (address: SocketAddress): BoundSocket | undefined =>
    [...heldSockets, ...bound].find((socket) => sameSocket(socket.address, address));
  const leaving = heldSockets.filter(({ address }) => !wanted.some((other) => sameSocket(address, other)));
  const inTheWayOf = (address: SocketAddress): BoundSocket[] =>
    leaving.filter((socket) => onePort(socket.address, address));

  const displaced = new Set<BoundSocket>();
  const contested: SocketAddress[] = [];
  const failed = (address: ListenAddress, { reason }: Pick<BindFailure, 'reason'>): Binding => {
    for (const socket of bound) socket.close();
    return { ok: false, reason: `cannot listen on ${describe(address)}: ${reason}`, displaced: [...displaced] };
  };

  for (const { address, wanted: socketAddresses } of places) {
    let missing: BindFailure | undefined;
    for (const socketAddress of socketAddresses) {
      if (find(socketAddress)) continue;
      const outcome = await BoundSocket.bind(socketAddress);
      if (outcome.ok) bound.push(outcome.socket);
      else if (outcome.code === 'EADDRINUSE' && inTheWayOf(socketAddress).length > 0) contested.push(socketAddress);
      else if (HAS_NO_SUCH_ADDRESS.has(outcome.code)) missing = outcome;
      else return failed(address, outcome);
    }
    // A name may stand for addresses that this machine does not have, such as ::1 without IPv6.
    const some = socketAddresses.some((socketAddress) => find(socketAddress) ?? contested.includes(socketAddress));
    if (!some) return failed(address, missing ?? { reason: 'nobody knows an address of it' });
  }

  if (contested.length > 0) {
    for (const socket of contested.flatMap(inTheWayOf)) displaced.add(socket);
    await closeAll([...displaced]);
    for (const socketAddress of contested) {
      const outcome = await BoundSocket.bind(socketAddress);
      if (!outcome.ok) return failed(placeOf(socketAddress, places), outcome);
      bound.push(outcome.socket);
    }
  }

  const listeners = places.map(({ address, wanted: socketAddresses }): Listener => {
    const sockets = socketAddresses.flatMap((socketAddress) => find(socketAddress) ?? []);
    return held.find((listener) => isSame(listener, { address, sockets })) ?? { address, sockets };
  });
  return { ok: true, listeners, bound, displaced: [...displaced] };
}

const onePort = (a: SocketAddress, b: SocketAddress): boolean => 'port' in a && 'port' in b && a.port === b.port;

function placeOf(socketAddress: SocketAddress, places: readonly Place[]): ListenAddress {
  const place = places.find(({ wanted }) => wanted.includes(socketAddress));
  if (!place) throw new Error('a socket without an address');
  return place.address;
}

const isSame = (a: Listener, b: Listener): boolean =>
  describe(a.address) === describe(b.address) &&
  a.sockets.length === b.sockets.length &&
  a.sockets.every((socket) => b.sockets.includes(socket));
