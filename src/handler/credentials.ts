import { decodeByteString } from './message/utf8.ts';
import type { Credentials } from './publisher.ts';

// token68 of RFC 9110 section 11.2, less the characters that RFC 7617's Base64 does not have.
const basic = /^basic +([A-Za-z0-9+/]+={0,2})$/i;

// RFC 7617 section 2 forbids the control characters of RFC 5234 (CTL) in both parts; the C1 set is not among them.
const controlCharacter = /[^\P{Cc}\u0080-\u009f]/u;

/**
 * The user and password of an `Authorization` header (RFC 7617, with `charset="UTF-8"`), or `undefined` where there
 * are none that could be passed on unharmed: another scheme, two headers (joined by a comma), broken Base64, bytes
 * that are not UTF-8, a control character, no colon.
 *
 * The password may hold colons. Either part may be empty: what that means is the broker's to judge.
 */
export function parseBasic(authorization: string | null): Credentials | undefined {
  const token = authorization === null ? undefined : basic.exec(authorization)?.[1];
  const bytes = token === undefined ? undefined : decodeBase64(token);
  const text = bytes === undefined ? undefined : decodeByteString(bytes);
  if (text === undefined || controlCharacter.test(text)) return undefined;
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/**
 * Base64 (RFC 4648 section 4) as one character per byte. Missing padding is tolerated, for it can be read in one way
 * only. Bits beyond the last byte must be zero: they would be a second spelling of the same credentials.
 */
function decodeBase64(token: string): string | undefined {
  const unpadded = token.replace(/=+$/, '');
  const remainder = unpadded.length % 4;
  const padded = remainder === 0 ? unpadded : unpadded + '='.repeat(4 - remainder);
  if (remainder === 1 || (token !== unpadded && token !== padded)) return undefined;
  const bytes = atob(padded);
  return btoa(bytes) === padded ? bytes : undefined;
}
