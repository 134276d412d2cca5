import type { Connection } from './connection.ts';
import { CredentialsIndex } from './credentials-index.ts';
import type { Login } from './link.ts';

/** The connections in use: one for each vhost, user and password, and one for all tokens of one identity. */
export class ConnectionTable {
  readonly #byLogin = new CredentialsIndex<Connection>();
  readonly #byIdentity = new Map<string, Connection>();

  get size(): number {
    return this.#byLogin.size + this.#byIdentity.size;
  }

  /** For a token, the connection that it would share: whether it may is another question. */
  find(login: Login): Connection | undefined {
    return login.token ? this.#byIdentity.get(login.token.identity) : this.#byLogin.get(login);
  }

  findShared(identity: string): Connection | undefined {
    return this.#byIdentity.get(identity);
  }

  /** There must be none for its login yet. */
  add(connection: Connection): void {
    const { login } = connection;
    if (login.token) this.#byIdentity.set(login.token.identity, connection);
    else this.#byLogin.set(login, connection);
  }

  delete(connection: Connection): boolean {
    const { login } = connection;
    if (!login.token) return this.#byLogin.delete(login, connection);
    return this.#byIdentity.get(login.token.identity) === connection && this.#byIdentity.delete(login.token.identity);
  }

  *values(): IterableIterator<Connection> {
    yield* this.#byLogin.values();
    yield* this.#byIdentity.values();
  }
}
