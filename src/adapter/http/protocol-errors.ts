import { STATUS_CODES } from 'node:http';
import { type ProblemKind, problemOf } from '../../handler/problem.ts';
import { ONLY_CHUNKED } from './request-head.ts';

/** What Node's HTTP server says of bytes that it cannot make a request of. */
export interface ProtocolError extends Error {
  readonly code?: string;
  readonly reason?: string;
  /** The bytes that it was reading when it gave up. */
  readonly rawPacket?: Buffer;
}

export const TIMED_OUT = 'ERR_HTTP_REQUEST_TIMEOUT';

/** The client ended its side before the request was complete. */
export const CUT_SHORT = 'HPE_INVALID_EOF_STATE';

const TRANSFER_ENCODING = 'HPE_INVALID_TRANSFER_ENCODING';

/** The start of a request as far as it can be read. */
export interface RequestStart {
  readonly method: string;
  readonly target?: string;
}

/** What such bytes are answered. */
export interface ProtocolFault {
  readonly kind: ProblemKind;
  readonly detail?: string;
}

export function faultOfBytes({ code, reason, rawPacket }: ProtocolError): ProtocolFault {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { kind: 'headers-too-large' };
    case TIMED_OUT:
      return { kind: 'request-timeout' };
    case TRANSFER_ENCODING:
      // The same code says that there is a length besides.
      if (reason?.includes('Content-Length')) return { kind: 'malformed-request', detail: reason };
      return { kind: 'unsupported-transfer-coding', detail: ONLY_CHUNKED };
    default:
      return { kind: 'malformed-request', ...hintAt(rawPacket) };
  }
}

/** The signature of its second version (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt). */
const PROXY_PROTOCOL_2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const TLS_HANDSHAKE = 0x16;

/** What a proxy or a client that speaks another protocol has to change. */
function hintAt(bytes: Buffer | undefined): { readonly detail?: string } {
  if (bytes === undefined) return {};
  if (bytes.toString('latin1', 0, 6) === 'PROXY ' || bytes.indexOf(PROXY_PROTOCOL_2) === 0)
    return {
      detail:
        'this is the PROXY protocol, which is not spoken here: turn send-proxy (HAProxy) or proxy_protocol (nginx) off, ' +
        'and have the proxy set X-Forwarded-For, which xheaders believes',
    };
  if (bytes[0] === TLS_HANDSHAKE) return { detail: 'this is TLS, and this port speaks plain HTTP' };
  return {};
}

/** The method and the target, where the bytes begin with a request line. */
export function requestStartOf({ rawPacket }: ProtocolError): RequestStart | undefined {
  const line = rawPacket?.toString('latin1', 0, 2_048);
  const match = line === undefined ? undefined : /^([A-Z]{3,16}) (\S{1,1024})/.exec(line);
  return match?.[1] === undefined || match[1] === 'PROXY' ? undefined : { method: match[1], target: match[2] ?? '' };
}

/** A problem as bytes, for a connection on which there is no request that could be answered. */
export function rawResponse(refusal: Response): string {
  const { body, headers } = problemOf(refusal) ?? { body: {}, headers: {} };
  const { status } = refusal;
  const text = JSON.stringify(body);
  const lines = Object.entries({ ...headers, 'Content-Length': Buffer.byteLength(text), Connection: 'close' });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${head}\r\n${text}`;
}
