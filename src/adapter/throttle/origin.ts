import type { Client } from '../../handler/publisher.ts';
import { digestOf } from '../digest.ts';

/** Where a login comes from, as far as it counts for the throttle. */
export interface Origin {
  /** The client's address is known. */
  readonly addressed: boolean;
  /** The address is only what another trusted proxy than the peer, or whoever has that one's address, says it is. */
  readonly hearsay: boolean;
  /**
   * The client. Of one whose address is known, its address, or the /64 network that an IPv6 client has to itself. Of any
   * other, its peer and all that the peer says of it: a client cannot take another's there, because a proxy adds the
   * address that it sees. But it can invent as many as it likes.
   */
  readonly name: string;
  /**
   * What it cannot have many of: its address, or its IPv6 site of /48. Where an address rests on the word of another
   * proxy than the peer, that proxy, because a client inside the trusted networks may be no proxy and invent addresses.
   * Where the address is unknown, the peer.
   */
  readonly place: string;
}

const CLIENT_GROUPS = 4;
const SITE_GROUPS = 3;

/** A longer name is replaced by its digest. */
const MAX_NAME_LENGTH = 120;

export function originOf({ address, via, peer = '', scope, forwarding = '' }: Client): Origin {
  if (address !== undefined) {
    const place = via === undefined ? network(address, SITE_GROUPS) : `via ${network(via, SITE_GROUPS)}`;
    return { addressed: true, hearsay: via !== undefined, name: network(address, CLIENT_GROUPS), place };
  }
  if (scope === 'loopback') return { addressed: true, hearsay: false, name: 'unix socket', place: 'unix socket' };
  const place = `peer ${network(peer, SITE_GROUPS)}`;
  const name = `${place}\n${forwarding}`;
  return { addressed: false, hearsay: false, name: name.length > MAX_NAME_LENGTH ? digestOf(name) : name, place };
}

/** An IPv4 address, or the first groups of an IPv6 address in one spelling. */
function network(address: string, groups: number): string {
  if (!address.includes(':')) return address;
  const [left = '', right = ''] = address.split('::');
  const before = left === '' ? [] : left.split(':');
  const after = right === '' ? [] : right.split(':');
  const missing = address.includes('::') ? 8 - before.length - after.length : 0;
  return [...before, ...Array<string>(Math.max(0, missing)).fill('0'), ...after]
    .slice(0, groups)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
