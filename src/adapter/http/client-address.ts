import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, type Socket } from 'node:net';
import type { Client } from '../../handler/publisher.ts';

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
  /** Everybody is in it, clients of unknown addresses too. */
  readonly any: boolean;
  readonly #list = new BlockList();

  constructor(entries: readonly string[]) {
    this.any = entries.includes('any');
    for (const entry of entries) {
      if (entry === 'loopback') LOOPBACK.forEach(this.#add, this);
      else if (entry === 'private') PRIVATE.forEach(this.#add, this);
      else if (entry !== 'any') this.#add(entry);
    }
  }

  has(address: string | undefined): boolean {
    if (this.any) return true;
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
  /** The server listens on a Unix socket: every peer is on this machine. */
  readonly unixSocket: boolean;
}

/**
 * Where a request comes from, on a connection to `direct`. Forwarding headers that are not believed leave the client
 * unknown: it may be anyone behind a proxy. So does a peer without an address, which has reset the connection already.
 */
export function clientOfRequest(incoming: IncomingMessage, direct: Client, trust: ProxyTrust): Client {
  const forwarded = FORWARDING_HEADERS.some((name) => incoming.headers[name] !== undefined);
  if (!forwarded) return direct;
  const { peer } = direct;
  const believed = trust.xheaders && (trust.unixSocket || trust.proxies.has(peer));
  const { address, via } = (believed ? forwardedAddress(incoming, trust.proxies) : undefined) ?? {};
  const scope = scopeOf(address);
  // Nothing that came through another machine comes from this one, whoever wrote so into the header.
  const remote = !trust.unixSocket && !loopback.has(peer);
  if (address === undefined || (scope === 'loopback' && remote))
    return { address: undefined, peer, scope: 'unknown', forwarding: forwardingOf(incoming) };
  return via === undefined ? { address, peer, scope } : { address, peer, scope, via };
}

/** Who holds the other end of a connection, which is the client where nothing is forwarded. */
export function clientOfSocket({ remoteAddress }: Socket, trust: ProxyTrust): Client {
  const peer = plain(remoteAddress);
  return { address: peer, peer, scope: trust.unixSocket ? 'loopback' : scopeOf(peer) };
}

interface Forwarded {
  readonly address: string | undefined;
  /** Whose word that is, where the peer only passed it on. */
  readonly via?: string | undefined;
}

const PORT_OF_IPV4 = /(\d+\.\d+\.\d+\.\d+):\d+/g;

/** What all forwarding headers say, without the ports that some proxies add: those change with each connection. */
function forwardingOf({ headers }: IncomingMessage): string {
  return FORWARDING_HEADERS.map((name) => headers[name] ?? '')
    .join('\n')
    .replace(PORT_OF_IPV4, '$1');
}

/**
 * The rightmost hop that is not a trusted proxy. Undefined where the headers contradict each other.
 *
 * Where all hops are trusted, the client is the rightmost one. The peer wrote that one itself, about the connection that
 * it had; what stands left of it may be a proxy's word about its client, or what the client invented about itself. An
 * inner proxy's clients share its address then, which is inside the same networks as theirs.
 */
function forwardedAddress(incoming: IncomingMessage, proxies: AddressSet): Forwarded | undefined {
  const { 'x-forwarded-for': list, 'x-real-ip': single } = incoming.headers;
  const real = typeof single === 'string' ? plain(single.trim()) : undefined;
  if (list === undefined) return { address: real };
  const hops = [list]
    .flat()
    .join(',')
    .split(',')
    .map((hop) => plain(hop.trim()));
  const rightmost = hops.at(-1);
  const untrusted = hops.findLastIndex((hop) => !proxies.has(hop));
  const address = untrusted < 0 ? rightmost : hops[untrusted];
  // A proxy that sets X-Real-IP alone passes on the other header as its client wrote it.
  if (real !== undefined && real !== rightmost && real !== address) return undefined;
  if (hops.some((hop) => loopback.has(hop)) && !hops.every((hop) => loopback.has(hop)) && loopback.has(address))
    return undefined;
  return { address, via: untrusted < 0 ? undefined : hops[untrusted + 1] };
}

function scopeOf(address: string | undefined): Client['scope'] {
  if (address === undefined || isIP(address) === 0) return 'unknown';
  if (loopback.has(address)) return 'loopback';
  return privateNetworks.has(address) ? 'private' : 'public';
}

/** Without the prefix of an IPv4 address on a dual-stack socket, and without a port. Undefined for what is no address. */
function plain(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const withPort = /^(?:\[([^\]]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/.exec(text);
  const address = withPort?.[1] ?? withPort?.[2] ?? text;
  if (isIP(address) === 0) return undefined;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped?.[1] ?? address;
}
