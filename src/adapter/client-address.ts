import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { Client } from '../handler/publisher.ts';

const LOOPBACK = ['127.0.0.0/8', '::1/128'];

/** RFC 1918, RFC 4193, RFC 3927 and RFC 4291's link-local addresses, and RFC 6598's shared ones. */
const PRIVATE = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '100.64.0.0/10',
  'fc00::/7',
  'fe80::/10',
];

const FORWARDING_HEADERS = ['x-real-ip', 'x-forwarded-for', 'forwarded', 'x-scheme', 'x-forwarded-proto'];

/** A set of addresses, as the configuration writes it: addresses, CIDRs, `loopback`, `private`, `any`. */
export class AddressSet {
  readonly #list = new BlockList();
  readonly #any: boolean;

  constructor(entries: readonly string[]) {
    this.#any = entries.includes('any');
    for (const entry of entries) {
      if (entry === 'loopback') LOOPBACK.forEach(this.#add, this);
      else if (entry === 'private') PRIVATE.forEach(this.#add, this);
      else if (entry !== 'any') this.#add(entry);
    }
  }

  has(address: string | undefined): boolean {
    if (this.#any) return true;
    const version = address === undefined ? 0 : isIP(address);
    return address !== undefined && version !== 0 && this.#list.check(address, version === 6 ? 'ipv6' : 'ipv4');
  }

  #add(entry: string): void {
    const [address = '', bits] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) this.#list.addAddress(address, family);
    else this.#list.addSubnet(address, Number(bits), family);
  }
}

const loopback = new AddressSet(['loopback']);
const privateNetworks = new AddressSet(['private']);

export interface ProxyTrust {
  /** Forwarding headers are believed, if they come from `proxies`. */
  readonly xheaders: boolean;
  readonly proxies: AddressSet;
}

/**
 * Where a request comes from. A peer on a Unix socket is on this machine. Forwarding headers that are not believed
 * leave the client unknown: it may be anyone behind a proxy.
 */
export function clientOfRequest(incoming: IncomingMessage, trust: ProxyTrust): Client {
  const peer = plain(incoming.socket.remoteAddress);
  const local = incoming.socket.remoteFamily === undefined;
  const forwarded = FORWARDING_HEADERS.some((name) => incoming.headers[name] !== undefined);
  if (!forwarded) return local ? { address: undefined, scope: 'loopback' } : { address: peer, scope: scopeOf(peer) };
  if (!trust.xheaders || !(local || trust.proxies.has(peer))) return { address: undefined, scope: 'unknown' };
  const address = forwardedAddress(incoming, trust.proxies);
  return { address, scope: scopeOf(address) };
}

/** The rightmost hop that is not a trusted proxy; where all are, the leftmost. */
function forwardedAddress(incoming: IncomingMessage, proxies: AddressSet): string | undefined {
  const header = incoming.headers['x-forwarded-for'];
  if (header === undefined) {
    const real = incoming.headers['x-real-ip'];
    return plain(typeof real === 'string' ? real.trim() : undefined);
  }
  const hops = (Array.isArray(header) ? header.join(',') : header).split(',').map((hop) => plain(hop.trim()));
  for (const hop of hops.reverse()) if (!proxies.has(hop)) return hop;
  return hops.at(-1);
}

function scopeOf(address: string | undefined): Client['scope'] {
  if (address === undefined || isIP(address) === 0) return 'unknown';
  if (loopback.has(address)) return 'loopback';
  return privateNetworks.has(address) ? 'private' : 'public';
}

/** Without the prefix of an IPv4 address on a dual-stack socket, and without a port. */
function plain(address: string | undefined): string | undefined {
  if (address === undefined) return undefined;
  const unprefixed = address.startsWith('::ffff:') ? address.slice(7) : address;
  const withPort = /^(?:\[([^\]]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/.exec(unprefixed);
  return withPort?.[1] ?? withPort?.[2] ?? unprefixed;
}
