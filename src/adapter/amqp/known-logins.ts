import { CredentialsIndex } from './credentials-index.ts';
import type { Login } from './link.ts';
import { digestOf, type TokenHints } from './token-login.ts';

/** Accepted logins remembered beyond their connections. */
const MAX_KNOWN = 10_000;

/** A token that the broker has accepted. */
export interface KnownToken extends Pick<TokenHints, 'identity' | 'names' | 'expiresAt'> {
  /** When the broker last accepted it, in milliseconds of the monotonic clock. */
  readonly acceptedAt: number;
}

/** The logins that the broker has accepted and not refused since. Of too many, the oldest are forgotten. */
export class KnownLogins {
  readonly #logins = new CredentialsIndex<Login>();
  /** The same, the oldest first. */
  readonly #inOrder = new Set<Login>();
  /** By a digest of vhost and token, so that how long a search takes tells nothing about the token. */
  readonly #tokens = new Map<string, KnownToken>();

  has(login: Login): boolean {
    return this.#logins.get(login) !== undefined;
  }

  token({ vhost, password }: Login): KnownToken | undefined {
    return this.#tokens.get(digestOf([vhost, password]));
  }

  accept(login: Login): void {
    if (login.token) this.#acceptToken(login, login.token);
    else if (!this.has(login)) {
      this.#logins.set(login, login);
      this.#inOrder.add(login);
      const [first] = this.#inOrder;
      if (first && this.#inOrder.size > MAX_KNOWN) this.forget(first);
    }
  }

  forget(login: Login): void {
    if (login.token) this.#tokens.delete(digestOf([login.vhost, login.password]));
    const known = this.#logins.get(login);
    if (!known) return;
    this.#logins.delete(known, known);
    this.#inOrder.delete(known);
  }

  /** @param now in milliseconds since the epoch */
  forgetExpired(now: number): void {
    for (const [digest, { expiresAt }] of this.#tokens) if (expiresAt <= now) this.#tokens.delete(digest);
  }

  #acceptToken({ vhost, password }: Login, { identity, names, expiresAt }: TokenHints): void {
    const digest = digestOf([vhost, password]);
    this.#tokens.delete(digest);
    this.#tokens.set(digest, { identity, names, expiresAt, acceptedAt: performance.now() });
    const [first] = this.#tokens.keys();
    if (first !== undefined && this.#tokens.size > MAX_KNOWN) this.#tokens.delete(first);
  }
}
