import { decodeByteString } from './message/utf8.ts';
import type { Credentials } from './publisher.ts';
import { parseToken } from './token.ts';

// token68 of RFC 9110 section 11.2, less the characters that RFC 7617's Base64 does not have.
const basic = /^basic +([A-Za-z0-9+/]+={0,2})$/i;

// RFC 7617 section 2 forbids the control characters of RFC 5234 (CTL) in both parts; the C1 set is not among them.
const controlCharacter = /[^\P{Cc}\u0080-\u009f]/u;

// b64token of RFC 6750 section 2.1.
const bearer = /^bearer +([\w~+/.-]+=*)$/i;

/** RFC 7617 section 2. */
export const BASIC_CHALLENGE = 'Basic realm="statelessd", charset="UTF-8"';

/** RFC 6750 section 3: the token is expired, revoked, malformed, or the broker refuses it for another reason. */
export const BEARER_CHALLENGE = 'Bearer error="invalid_token"';

/** The credentials of an `Authorization` header, or `undefined` where there are none that could be passed on unharmed. */
export function parseAuthorization(authorization: string | null): Credentials | undefined {
  if (authorization === null) return undefined;
  const token = bearer.exec(authorization)?.[1];
  return token === undefined ? parseBasic(authorization) : { kind: 'bearer', token };
}

/** What a client is told whose credentials were refused (RFC 9110 section 11.6.1). */
export function challengeFor(credentials: Credentials): string {
  const isToken = credentials.kind === 'bearer' || parseToken(credentials.password) !== undefined;
  return isToken ? BEARER_CHALLENGE : BASIC_CHALLENGE;
}

/** Whom the credentials claim to be, for the log. A token that names nobody leaves it open. */
export function claimedUser(credentials: Credentials): string | undefined {
  const { token, username } =
    credentials.kind === 'bearer'
      ? { token: credentials.token, username: undefined }
      : { token: credentials.password, username: credentials.username };
  return parseToken(token)?.names[0] ?? username;
}

/**
 * The user and password of HTTP Basic (RFC 7617, with `charset="UTF-8"`). There are none in another scheme, two headers
 * (joined by a comma), broken Base64, bytes that are not UTF-8, a control character, and without a colon.
 *
 * The password may hold colons. Either part may be empty: what that means is the broker's to judge.
 */
function parseBasic(authorization: string): Credentials | undefined {
  const token = basic.exec(authorization)?.[1];
  const bytes = token === undefined ? undefined : decodeBase64(token);
  const text = bytes === undefined ? undefined : decodeByteString(bytes);
  if (text === undefined || controlCharacter.test(text)) return undefined;
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  return { kind: 'basic', username: text.slice(0, colon), password: text.slice(colon + 1) };
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
