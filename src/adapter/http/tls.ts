import type { ServerOptions } from 'node:https';
import type { TLSSocket } from 'node:tls';

/** PEM texts, and whether clients are asked for a certificate. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  /** The authorities of client certificates. */
  readonly ca?: string;
  /** `optional`: a client may have none, but no other than a trusted one. */
  readonly clientCert: 'none' | 'optional' | 'required';
}

/** For Node's HTTPS server. */
export function tlsOptions({ cert, key, ca, clientCert }: ServerTls): ServerOptions {
  return {
    cert,
    key,
    ...(clientCert !== 'none' && ca !== undefined && { ca, requestCert: true }),
    rejectUnauthorized: clientCert === 'required',
  };
}

/** Whether a client that was asked for a certificate brought one that the authorities do not vouch for. */
export function broughtUntrusted(socket: TLSSocket): boolean {
  return !socket.authorized && socket.getPeerX509Certificate() !== undefined;
}
