import { timingSafeEqual } from 'node:crypto';
import type { Login } from './link.ts';

/** Passwords are compared in blocks of this size, so that not even their length shows. */
const BLOCK_BYTES = 256;

interface Candidate<Value> {
  readonly password: Buffer;
  readonly value: Value;
}

/**
 * Finds what belongs to a vhost, a user and a password. How long it takes tells nothing about the password: it is
 * compared in constant time with those known for the same vhost and user.
 */
export class CredentialsIndex<Value> {
  /** By vhost and user. */
  readonly #candidates = new Map<string, Map<string, Candidate<Value>[]>>();
  /** For passwords that are looked for: a new buffer for each would cost more than the search. */
  readonly #scratch = Buffer.alloc(BLOCK_BYTES);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(login: Login): Value | undefined {
    const candidates = this.#candidates.get(login.vhost)?.get(login.username);
    if (!candidates) return undefined;
    const password = padded(login.password, this.#scratch);
    let found: Value | undefined;
    for (const candidate of candidates) {
      if (candidate.password.length === password.length && timingSafeEqual(candidate.password, password))
        found = candidate.value;
    }
    return found;
  }

  /** The login must not be there yet. */
  set(login: Login, value: Value): void {
    const { vhost, username, password } = login;
    const byUser = this.#candidates.get(vhost) ?? new Map<string, Candidate<Value>[]>();
    const candidates = byUser.get(username) ?? [];
    candidates.push({ password: padded(password), value });
    this.#candidates.set(vhost, byUser.set(username, candidates));
    this.#size += 1;
  }

  delete(login: Login, value: Value): boolean {
    const { vhost, username } = login;
    const byUser = this.#candidates.get(vhost);
    const candidates = byUser?.get(username);
    const position = candidates?.findIndex((candidate) => candidate.value === value) ?? -1;
    if (!byUser || !candidates || position < 0) return false;
    candidates.splice(position, 1);
    if (candidates.length === 0) byUser.delete(username);
    if (byUser.size === 0) this.#candidates.delete(vhost);
    this.#size -= 1;
    return true;
  }

  *values(): IterableIterator<Value> {
    for (const byUser of this.#candidates.values())
      for (const candidates of byUser.values()) for (const { value } of candidates) yield value;
  }
}

/** With zeros, which a password never contains. `scratch` is used where it is long enough. */
function padded(password: string, scratch?: Buffer): Buffer {
  const bytes = Buffer.byteLength(password);
  const length = Math.ceil((bytes + 1) / BLOCK_BYTES) * BLOCK_BYTES;
  const block = scratch?.length === length ? scratch : Buffer.alloc(length);
  block.fill(0, block.write(password));
  return block;
}
