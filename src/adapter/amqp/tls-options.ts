import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

/** Names the host in the TLS handshake (SNI, RFC 6066 section 3: no addresses, no dot at the end). */
export function tlsOptionsFor(host: string, tls: ConnectionOptions): ConnectionOptions {
  return isIP(host) ? tls : { ...tls, servername: host.replace(/\.$/, '') };
}
