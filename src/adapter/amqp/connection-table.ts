import type { KnownOrigins } from '../throttle/known-origins.ts';
import type { Connection } from './connection.ts';
import { CredentialsIndex } from './credentials-index.ts';
import type { Login } from './link.ts';

/** A connection in use, and from where its login has succeeded. */
export interface Standing {
  readonly connection: Connection;
  readonly origins: KnownOrigins;
}

/** The connections in use: one for each vhost, user and password, and one for all tokens of one identity. */
export class ConnectionTable {
  readonly #byLogin = new CredentialsIndex<Standing>();
  readonly #byIdentity = new Map<string, Connection>();

  get size(): number {
    return this.#byLogin.size + this.#byIdentity.size;
  }

  /** For a token, the connection that it would share: whether it may is another question. */
  find(login: Login): Connection | undefined {
    return login.token ? this.#byIdentity.get(login.token.identity) : this.#byLogin.get(login)?.connection;
  }

  /** For a login that is no token. */
  standing(login: Login): Standing | undefined {
    return this.#byLogin.get(login);
  }

  findShared(identity: string): Connection | undefined {
    return this.#byIdentity.get(identity);
  }

  /** There must be none for its login yet. */
  add(connection: Connection, origins: KnownOrigins): void {
    const { login } = connection;
    if (login.token) this.#byIdentity.set(login.token.identity, connection);
    else this.#byLogin.set(login, { connection, origins });
  }

  delete(connection: Connection): boolean {
    const { login } = connection;
    if (!login.token) {
      const standing = this.#byLogin.get(login);
      return standing?.connection === connection && this.#byLogin.delete(login, standing);
    }
    return this.#byIdentity.get(login.token.identity) === connection && this.#byIdentity.delete(login.token.identity);
  }

  *values(): IterableIterator<Connection> {
    for (const { connection } of this.#byLogin.values()) yield connection;
    yield* this.#byIdentity.values();
  }
}
