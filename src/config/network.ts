import { isIP } from 'node:net';
import type { Kind } from './kind.ts';
import { textThat, textTo } from './scalars.ts';

/** A broker as the file spells it: the port may be left to the default. */
export interface HostAndPort {
  readonly host: string;
  readonly port: number | undefined;
}

/** A host name or an IP address, IPv6 without brackets. */
export const host = textThat(isHost, 'expected a host name or an IP address');

/** `name`, `name:5672`, `192.0.2.1:5672`, `[::1]:5672`, `::1`. */
export const hostAndPort: Kind<HostAndPort> = textTo(
  parseHostAndPort,
  'expected host or host:port, IPv6 as [::1]:5672, the port from 1 to 65535',
  printHostAndPort,
);

/** Where a request comes from: an address, a CIDR, or a word for many. */
export const addressRange = textTo(
  (text) => (isAddressRange(text.toLowerCase()) ? text.toLowerCase() : undefined),
  'expected an IP address, a CIDR such as 10.0.0.0/8, loopback, private or any',
  (range) => range,
);

/** What a browser sends as `Origin`. */
export const webOrigin = textTo(
  parseOrigin,
  'expected a web origin, scheme://host or scheme://host:port with nothing after it',
  (origin) => origin,
);

/** A name in a browser's `Host`, in the spelling of DNS. */
export const webHost = textTo(parseWebHost, 'expected a host name, without a scheme and a port', (name) => name);

function isHost(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const labels = text.replace(/\.$/, '').split('.');
  // A name that ends in a number is a mistyped IPv4 address: 10.0.0.300.
  if (text.length > 253 || /^\d+$/.test(labels.at(-1) ?? '')) return false;
  return labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label));
}

function parseHostAndPort(text: string): HostAndPort | undefined {
  if (isIP(text) === 6) return { host: text, port: undefined };
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65535)) return undefined;
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? { host: bracketed, port } : undefined;
  return plain !== undefined && isHost(plain) ? { host: plain, port } : undefined;
}

function printHostAndPort({ host, port }: HostAndPort): string {
  const bracketed = host.includes(':') ? `[${host}]` : host;
  return port === undefined ? bracketed : `${bracketed}:${port}`;
}

function isAddressRange(text: string): boolean {
  if (['loopback', 'private', 'any'].includes(text)) return true;
  const [, address = '', bits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && (bits === undefined || Number(bits) <= (version === 4 ? 32 : 128));
}

/** As the browser spells it: lower case, and other alphabets by IDNA. */
function parseWebHost(text: string): string | undefined {
  if (/[/:?#@\\\s%*]/.test(text) || !URL.canParse(`http://${text}/`)) return undefined;
  const name = new URL(`http://${text}/`).hostname.replace(/\.$/, '');
  return isHost(name) ? name : undefined;
}

/** As the browser spells it: lower case, and without a scheme's own port. */
function parseOrigin(text: string): string | undefined {
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#@\\\s*]+$/i.test(text) || !URL.canParse(text)) return undefined;
  const { origin, protocol, host } = new URL(text);
  // Of a scheme that is not the Web's own, such as an extension's, URL knows no origin.
  return origin === 'null' ? `${protocol}//${host}` : origin;
}
