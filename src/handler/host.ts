/** Nobody else can have a name below it resolved to this machine (RFC 6761 section 6.3). */
const LOOPBACK = /^(?:.+\.)?localhost$/;

/** An IPv6 address in its brackets, perhaps with a zone. */
const IPV6 = /^\[[\da-f:.]+(?:%[\w.~%-]+)?\]$/;

/** Numbers only, in any of the spellings of an IPv4 address: browsers resolve no name that ends in one. */
const IPV4 = /^(?:\d+|0x[\da-f]*)(?:\.(?:\d+|0x[\da-f]*)){0,3}$/;

/**
 * Whether a browser that asks for this host can have meant this gateway. A page of a foreign name may have had that name
 * resolved to the gateway's address (DNS rebinding); nobody can do that to an address, nor to `localhost`.
 *
 * @param host as in the header `Host`
 * @param names this machine's own, and those that the configuration lists: in lower case, without a dot at the end
 */
export function isOwnHost(host: string | null, names: readonly string[]): boolean {
  if (host === null) return false;
  const name = host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
  return IPV6.test(name) || IPV4.test(name) || LOOPBACK.test(name) || names.includes(name);
}
