import { digestOf } from '../digest.ts';
import { KnownOrigins } from '../throttle/known-origins.ts';
import { CredentialsIndex } from './credentials-index.ts';
import type { Login } from './link.ts';
import type { TokenHints } from './token-login.ts';

/** Accepted logins remembered beyond their connections. */
const MAX_KNOWN = 10_000;

interface KnownLogin {
  readonly login: Login;
  /** From where it has succeeded. */
  readonly origins: KnownOrigins;
}

/** A token that the broker has accepted. */
export interface KnownToken extends Pick<TokenHints, 'identity' | 'names' | 'expiresAt'> {
  /** When the broker last accepted it, in milliseconds of the monotonic clock. */
  readonly acceptedAt: number;
  /** From where it has succeeded. */
  readonly origins: KnownOrigins;
}

/** The logins that the broker has accepted and not refused since. Of too many, the oldest are forgotten. */
export class KnownLogins {
  readonly #logins = new CredentialsIndex<KnownLogin>();
  /** The same, the oldest first. */
  readonly #inOrder = new Set<KnownLogin>();
  /** By a digest of vhost and token, so that how long a search takes tells nothing about the token. */
  readonly #tokens = new Map<string, KnownToken>();

  /** From where a login that is no token has succeeded; undefined where the broker has not accepted it. */
  originsOf(login: Login): KnownOrigins | undefined {
    return this.#logins.get(login)?.origins;
  }

  token({ vhost, password }: Login): KnownToken | undefined {
    return this.#tokens.get(digestOf([vhost, password]));
  }

  accept(login: Login): void {
    if (login.token) this.#acceptToken(login, login.token);
    else if (!this.#logins.get(login)) {
      const known = { login, origins: new KnownOrigins() };
      this.#logins.set(login, known);
      this.#inOrder.add(known);
      const [first] = this.#inOrder;
      if (first && this.#inOrder.size > MAX_KNOWN) this.#forgetPassword(first);
    }
  }

  forget(login: Login): void {
    if (login.token) this.#tokens.delete(digestOf([login.vhost, login.password]));
    const known = this.#logins.get(login);
    if (known) this.#forgetPassword(known);
  }

  /** @param now in milliseconds since the epoch */
  forgetExpired(now: number): void {
    for (const [digest, { expiresAt }] of this.#tokens) if (expiresAt <= now) this.#tokens.delete(digest);
  }

  #forgetPassword(known: KnownLogin): void {
    this.#logins.delete(known.login, known);
    this.#inOrder.delete(known);
  }

  #acceptToken({ vhost, password }: Login, { identity, names, expiresAt }: TokenHints): void {
    const digest = digestOf([vhost, password]);
    const origins = this.#tokens.get(digest)?.origins ?? new KnownOrigins();
    this.#tokens.delete(digest);
    this.#tokens.set(digest, { identity, names, expiresAt, acceptedAt: performance.now(), origins });
    const [first] = this.#tokens.keys();
    if (first !== undefined && this.#tokens.size > MAX_KNOWN) this.#tokens.delete(first);
  }
}
