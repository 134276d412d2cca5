import { CredentialsIndex } from './credentials-index.ts';
import type { Login } from './link.ts';
import type { LoginRefusal } from './outcomes.ts';

/** A refused login is answered from memory for this long. */
const REFUSAL_TTL_MS = 3_000;

/** A limit of the broker may be free again soon: it is asked after this long, and after longer each time it says no. */
const FIRST_LIMIT_TTL_MS = 1_000;
const MAX_LIMIT_TTL_MS = 4_000;

/** How long it is known that a limit was met before. */
const LIMIT_KNOWN_MS = 10_000;

const MAX_REFUSALS = 10_000;

interface Entry {
  readonly login: Login;
  refusal: LoginRefusal;
  /** The answer until then. */
  until: number;
  forgottenAt: number;
  ttlMs: number;
}

/** Why the broker refused logins a moment ago: it is not asked again at once. */
export class RefusalMemory {
  readonly #entries = new CredentialsIndex<Entry>();
  /** The one that came first, first. */
  readonly #inOrder = new Set<Entry>();

  get(login: Login): (LoginRefusal & { readonly retryAfterSeconds?: number }) | undefined {
    const now = performance.now();
    this.#forgetOld(now);
    const entry = this.#entries.get(login);
    if (!entry || entry.until <= now) return undefined;
    if (entry.refusal.kind !== 'broker-limit') return entry.refusal;
    return { ...entry.refusal, retryAfterSeconds: Math.ceil((entry.until - now) / 1000) };
  }

  add(login: Login, refusal: LoginRefusal): void {
    const now = performance.now();
    this.#forgetOld(now);
    const entry = this.#entries.get(login) ?? this.#create(login, refusal);
    if (!entry || entry.until > now) return;
    const isLimit = refusal.kind === 'broker-limit';
    entry.refusal = refusal;
    entry.ttlMs = isLimit ? Math.min(MAX_LIMIT_TTL_MS, Math.max(FIRST_LIMIT_TTL_MS, entry.ttlMs * 2)) : 0;
    entry.until = now + (isLimit ? entry.ttlMs : REFUSAL_TTL_MS);
    entry.forgottenAt = isLimit ? entry.until + LIMIT_KNOWN_MS : entry.until;
  }

  /** The broker has accepted it. */
  delete(login: Login): void {
    const entry = this.#entries.get(login);
    if (entry) this.#delete(entry);
  }

  #create(login: Login, refusal: LoginRefusal): Entry | undefined {
    if (this.#entries.size >= MAX_REFUSALS) return undefined;
    const entry: Entry = { login, refusal, until: 0, forgottenAt: 0, ttlMs: 0 };
    this.#entries.set(login, entry);
    this.#inOrder.add(entry);
    return entry;
  }

  /** Some are found a little late: one that is kept for longer may stand before them. */
  #forgetOld(now: number): void {
    for (const entry of this.#inOrder) {
      if (entry.forgottenAt > now) return;
      this.#delete(entry);
    }
  }

  #delete(entry: Entry): void {
    this.#entries.delete(entry.login, entry);
    this.#inOrder.delete(entry);
  }
}
