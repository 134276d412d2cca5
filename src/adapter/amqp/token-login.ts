import { parseToken } from '../../handler/token.ts';
import { digestOf } from '../digest.ts';
import type { Login } from './link.ts';

/**
 * What a token claims. These are hints: they decide which connection a token would share, what its user is called and
 * when it ends, and count for nothing before the broker has accepted this very token.
 */
export interface TokenHints {
  /** Equal for tokens on one vhost that may share a connection. */
  readonly identity: string;
  /** `sub` and `client_id`, as far as it has them. */
  readonly names: readonly string[];
  /** Every text among its claims: RabbitMQ calls the user by one of them, depending on version and configuration. */
  readonly texts: readonly string[];
  /** In milliseconds since the epoch; infinite where it has no end. */
  readonly expiresAt: number;
}

/**
 * A login with a token in the password's place. The user's name is empty, as in the management plugin's own: RabbitMQ's
 * OAuth 2 backend takes the name from the claims, and a backend that goes by names refuses the empty one.
 */
export interface TokenLogin extends Login {
  readonly username: '';
  readonly token: TokenHints;
}

/** What a password is as a token, or `undefined` where it is none. */
export function tokenLogin({ vhost, password }: Login): TokenLogin | undefined {
  const claims = parseToken(password);
  if (!claims) return undefined;
  const { lasting, names, texts, expiresAt } = claims;
  const identity = digestOf([vhost, lasting === undefined ? { password } : lasting]);
  return { vhost, username: '', password, token: { identity, names, texts, expiresAt } };
}

/** What a login's user is called in /stats and in the log: a token's by its `sub`, or else its `client_id`. */
export const userOf = ({ username, token }: Login): string => token?.names[0] ?? username;
