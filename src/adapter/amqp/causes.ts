import { AMQPConnectionError, type AMQPError } from 'rabbitmq-client';

/** The broker's reply text, as it stands on the wire. The library writes the name of a method before it. */
export function replyText(error: AMQPError): string {
  return error.message.replace(/^\w+: /, '') || `closed with the code ${error.code}, without a reason`;
}

/** By the codes of Node, OpenSSL and the client library. */
const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'unknown host name',
  EAI_AGAIN: 'the host name cannot be looked up at the moment',
  ETIMEDOUT: 'timed out',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  EACCES: 'not permitted on this machine',
  EPERM: 'not permitted on this machine',
  EMFILE: 'this process has no file descriptors left',
  ENFILE: 'this machine has no file descriptors left',
  EADDRNOTAVAIL: 'this machine has no ports left',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  CONNECTION_TIMEOUT: 'timed out',
  SOCKET_TIMEOUT: 'no heartbeat',
  CONN_CLOSE: 'closed by the other side',
  VERSION_MISMATCH: 'the other side does not speak AMQP 0-9-1',
  ERR_TLS_CERT_ALTNAME_INVALID: 'TLS: the certificate is for another host name',
  CERT_HAS_EXPIRED: 'TLS: the certificate has expired',
  CERT_NOT_YET_VALID: 'TLS: the certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'TLS: the certificate is not trusted: it is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'TLS: the certificate is not trusted: its authority is not among those that are',
  UNABLE_TO_GET_ISSUER_CERT: 'TLS: the certificate is not trusted: its authority is unknown',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'TLS: the certificate is not trusted: its authority is unknown',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'TLS: the certificate is not trusted: its authority is unknown',
  ERR_SSL_WRONG_VERSION_NUMBER: 'TLS: the port does not speak TLS',
};

const MAX_CAUSE = 300;

/** Why a connection could not be opened or has ended, for operators. Clients are told less. */
export function causeOf(error: unknown): string {
  const cause = fullCauseOf(error);
  return cause.length > MAX_CAUSE ? `${cause.slice(0, MAX_CAUSE)}…` : cause;
}

function fullCauseOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'ECONNRESET' && /before secure TLS connection/.test(error.message))
    return 'closed during the TLS handshake';
  if (/wrong version number/.test(error.message)) return CAUSES.ERR_SSL_WRONG_VERSION_NUMBER ?? '';
  const cause = CAUSES[code];
  if (cause !== undefined) return cause;
  if (error instanceof AMQPConnectionError) return replyText(error);
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO') return `TLS: ${reasonOf(error)}`;
  return code === '' ? error.message : `${code}: ${error.message}`;
}

/** The other side closed the connection, or reset it. */
export function isClosed(error: unknown): boolean {
  const cause = causeOf(error);
  return cause === CAUSES.CONN_CLOSE || cause === CAUSES.ECONNRESET;
}

/** The same of a connection that the network had carried as far as the AMQP handshake. */
export function handshakeCauseOf(error: unknown): string {
  if (isClosed(error)) return 'closed during the AMQP handshake';
  const cause = causeOf(error);
  return cause === CAUSES.CONNECTION_TIMEOUT ? 'no answer during the AMQP handshake' : cause;
}

function reasonOf(error: Error): string {
  return 'reason' in error && typeof error.reason === 'string' ? error.reason : error.message;
}
