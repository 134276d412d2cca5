import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { Client } from '../../handler/publisher.ts';
import type { Login } from './link.ts';

/** Refused logins in a window, from one address, or of one user whose address is unknown. */
const MAX_REFUSED = 20;

/** From one peer for clients of unknown addresses, who may be many behind a proxy. */
const MAX_REFUSED_OF_PEER = 200;

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
    const entered: Origin[] = [];
    const release = (): void => {
      for (const origin of entered) origin.leave(performance.now());
      this.#forget();
    };
    for (const [key, max] of originsOf(client, login)) {
      const origin = this.#origins.get(key) ?? new Origin(max);
      this.#origins.set(key, origin);
      if (!(await origin.enter(performance.now()))) {
        release();
        return { kind: 'throttled', retryAfterSeconds: origin.retryAfterSeconds(performance.now()) };
      }
      entered.push(origin);
    }
    return {
      kind: 'permitted',
      refused: (refusedLogin) => {
        for (const origin of entered) origin.note(refusedLogin, performance.now());
      },
      release,
    };
  }

  /** What has nothing to tell; and past the limit what was refused first. */
  #forget(): void {
    if (this.#origins.size < MAX_ORIGINS / 2) return;
    for (const [key, origin] of this.#origins) {
      if (origin.busy) continue;
      if (origin.forgettable(performance.now()) || this.#origins.size > MAX_ORIGINS) this.#origins.delete(key);
    }
  }
}

class Origin {
  /** When each distinct login was refused, oldest first. */
  readonly #refused = new Map<string, number>();
  readonly #waiting: ((permitted: boolean) => void)[] = [];
  readonly #max: number;
  #trying = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get busy(): boolean {
    return this.#trying > 0 || this.#waiting.length > 0;
  }

  forgettable(now: number): boolean {
    this.#forgetOld(now);
    return this.#refused.size === 0 && !this.busy;
  }

  enter(now: number): Promise<boolean> {
    this.#forgetOld(now);
    if (this.#refused.size >= this.#max) return Promise.resolve(false);
    if (this.#trying + this.#refused.size < this.#max) {
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
    const exhausted = this.#refused.size >= this.#max;
    while (this.#waiting.length > 0 && (exhausted || this.#trying + this.#refused.size < this.#max)) {
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

/** By what a login is counted, and how often it may be refused there. */
function originsOf(client: Client, { username, token }: Login): (readonly [string, number])[] {
  if (client.address !== undefined) return [[network(client.address), MAX_REFUSED]];
  if (client.scope === 'loopback') return [['unix socket', MAX_REFUSED]];
  const peer = [`peer ${network(client.peer ?? '')}`, MAX_REFUSED_OF_PEER] as const;
  // Who forges tokens must not slow down those whose names stand in them.
  return token ? [peer] : [[`user ${username}`, MAX_REFUSED], peer];
}

/** An IPv6 client has a whole /64 to come from. */
function network(address: string): string {
  if (isIP(address) !== 6) return address;
  const [left = '', right] = address.split('::');
  const groups = left === '' ? [] : left.split(':');
  const tail = right ? right.split(':') : [];
  const missing = right === undefined ? 0 : 8 - groups.length - tail.length;
  return [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...tail].slice(0, 4).join(':');
}
