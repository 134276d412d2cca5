import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { Client } from '../handler/publisher.ts';
import type { Login } from './link.ts';

/** Refused logins in a window, from one origin. */
const MAX_REFUSED = 20;
const WINDOW_MS = 60_000;

/** Origins remembered; past it, the one that was refused first is forgotten. */
const MAX_ORIGINS = 10_000;

/** A place to try a login from, or how long to wait for one, in seconds. */
export type Permit =
  | { readonly kind: 'permitted'; refused(login: Login): void; release(): void }
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number };

/**
 * Bounds how many passwords can be guessed: refused logins are counted by the client's address, distinct by vhost,
 * user and password. As many may be under way as could still be refused; more wait for what becomes of those, so that
 * a crowd of good users behind one address only queues.
 */
export class LoginThrottle {
  readonly #origins = new Map<string, Origin>();

  async enter(client: Client, login: Login): Promise<Permit> {
    const key = originOf(client, login);
    const origin = this.#origins.get(key) ?? new Origin();
    this.#origins.set(key, origin);
    const permitted = await origin.enter(performance.now());
    if (!permitted) return { kind: 'throttled', retryAfterSeconds: origin.retryAfterSeconds(performance.now()) };
    return {
      kind: 'permitted',
      refused: (refusedLogin) => origin.note(refusedLogin, performance.now()),
      release: () => {
        origin.leave(performance.now());
        if (origin.forgettable(performance.now())) this.#origins.delete(key);
        if (this.#origins.size > MAX_ORIGINS) this.#forgetFirst();
      },
    };
  }

  #forgetFirst(): void {
    for (const [key, origin] of this.#origins) {
      if (!origin.busy) {
        this.#origins.delete(key);
        return;
      }
    }
  }
}

class Origin {
  /** When each distinct login was refused, oldest first. */
  readonly #refused = new Map<string, number>();
  readonly #waiting: ((permitted: boolean) => void)[] = [];
  #trying = 0;

  get busy(): boolean {
    return this.#trying > 0 || this.#waiting.length > 0;
  }

  forgettable(now: number): boolean {
    this.#forgetOld(now);
    return this.#refused.size === 0 && !this.busy;
  }

  enter(now: number): Promise<boolean> {
    this.#forgetOld(now);
    if (this.#refused.size >= MAX_REFUSED) return Promise.resolve(false);
    if (this.#trying + this.#refused.size < MAX_REFUSED) {
      this.#trying += 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  note(login: Login, now: number): void {
    const digest = createHash('sha256')
      .update(JSON.stringify([login.vhost, login.username, login.password]))
      .digest();
    this.#refused.set(digest.toString('base64'), now);
  }

  leave(now: number): void {
    this.#trying -= 1;
    this.#forgetOld(now);
    const exhausted = this.#refused.size >= MAX_REFUSED;
    while (this.#waiting.length > 0 && (exhausted || this.#trying + this.#refused.size < MAX_REFUSED)) {
      if (!exhausted) this.#trying += 1;
      this.#waiting.shift()?.(!exhausted);
    }
  }

  retryAfterSeconds(now: number): number {
    const [oldest = now] = this.#refused.values();
    return Math.max(1, Math.ceil((oldest + WINDOW_MS - now) / 1000));
  }

  #forgetOld(now: number): void {
    for (const [digest, at] of this.#refused) {
      if (now - at < WINDOW_MS) return;
      this.#refused.delete(digest);
    }
  }
}

/** An IPv6 client has a whole /64 to come from; one without a known address is counted by its user. */
function originOf(client: Client, { username }: Login): string {
  const { address } = client;
  if (address === undefined) return client.scope === 'loopback' ? 'unix socket' : `user ${username}`;
  if (isIP(address) !== 6) return address;
  const [left = '', right] = address.split('::');
  const groups = left === '' ? [] : left.split(':');
  const missing = right === undefined ? 0 : 8 - groups.length - (right === '' ? 0 : right.split(':').length);
  return [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...(right ? right.split(':') : [])]
    .slice(0, 4)
    .join(':');
}
