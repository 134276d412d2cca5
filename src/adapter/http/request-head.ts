import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import type { ProblemKind } from '../../handler/problem.ts';

/** What is wrong with a request, whatever it asks for. */
export interface HeadFault {
  readonly kind: ProblemKind;
  readonly detail: string;
}

/** Of a request. Their bytes are bounded besides, but thousands of short ones take thirty times their bytes. */
export const MAX_FIELDS = 256;

/**
 * Judges what HTTP itself says of a request's head, beyond what Node's parser judges.
 *
 * @returns undefined where nothing is wrong
 */
export function faultOfHead({ rawHeaders, httpVersion, url = '' }: IncomingMessage): HeadFault | undefined {
  if (rawHeaders.length > 2 * MAX_FIELDS)
    return { kind: 'headers-too-large', detail: `a request may have ${MAX_FIELDS} header fields at most` };
  let host: string | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    const value = rawHeaders[at + 1] ?? '';
    // Most names are of other lengths, and need not be looked at.
    switch (name.length) {
      case 4:
        if (name.toLowerCase() !== 'host') break;
        if (host !== undefined) return malformed('there is more than one Host header');
        host = value;
        break;
      case 6:
        if (httpVersion !== '1.0' && name.toLowerCase() === 'expect' && !MET.has(value.toLowerCase()))
          return { kind: 'expectation-failed', detail: 'only 100-continue can be expected' };
        break;
      case 17:
        if (name.toLowerCase() === 'transfer-encoding' && value.toLowerCase() !== 'chunked')
          return { kind: 'unsupported-transfer-coding', detail: ONLY_CHUNKED };
        break;
    }
  }
  // RFC 9112 section 3.2; HTTP/1.0 knew no Host.
  if (host === undefined && httpVersion !== '1.0') return malformed('a Host header is required');
  if (host !== undefined && !isHost(host)) return malformed('the Host header names no host');
  if (url.includes('\\') && /^[^?]*\\/.test(url)) return malformed('a \\ in a path must be written %5C');
  return undefined;
}

/** RFC 9110 section 10.1.1. An empty list expects nothing: Guzzle sends it to be rid of curl's own. */
const MET: ReadonlySet<string> = new Set(['', '100-continue']);

export const ONLY_CHUNKED = 'the only transfer coding that can be used is chunked';

const malformed = (detail: string): HeadFault => ({ kind: 'malformed-request', detail });

const PLAIN_HOST = /^[\w.-]+(?::\d*)?$/;

/** RFC 3986 section 3.2.2: an IP literal or a registered name, which may be empty, and a port, which may be empty, too. */
const HOST = /^(?:\[([^\]]*)\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::\d*)?$/i;

const FUTURE_ADDRESS = /^v[\da-f]+\.[\w.~!$&'()*+,;=:-]+$/i;

/** RFC 9110 section 7.2. Java's clients also write an address with its zone (RFC 6874), escaped or not. */
function isHost(value: string): boolean {
  if (PLAIN_HOST.test(value)) return true;
  const match = HOST.exec(value);
  if (!match) return false;
  const [, literal] = match;
  return literal === undefined || isIPv6(literal.replace(/%25/, '%')) || FUTURE_ADDRESS.test(literal);
}
