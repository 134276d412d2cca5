/** Origins remembered of one login, and of all of them. */
const MAX_OF_LOGIN = 4_096;
const MAX_IN_ALL = 100_000;

/** From where each login has succeeded. Of too many, the login that was used longest ago is forgotten. */
export class SucceededLogins {
  /** By login, the one used last at the end. */
  readonly #origins = new Map<string, Set<string>>();
  #size = 0;

  has(login: string, origin: string): boolean {
    return this.#origins.get(login)?.has(origin) ?? false;
  }

  add(login: string, origin: string): void {
    const origins = this.#origins.get(login) ?? new Set();
    this.#origins.delete(login);
    this.#origins.set(login, origins);
    if (origins.has(origin)) return;
    origins.add(origin);
    this.#size += 1;
    if (origins.size > MAX_OF_LOGIN) {
      const [oldest = ''] = origins;
      origins.delete(oldest);
      this.#size -= 1;
    }
    while (this.#size > MAX_IN_ALL) {
      const [oldest = login] = this.#origins.keys();
      this.forget(oldest);
    }
  }

  /** The broker refuses it now. */
  forget(login: string): void {
    this.#size -= this.#origins.get(login)?.size ?? 0;
    this.#origins.delete(login);
  }
}
