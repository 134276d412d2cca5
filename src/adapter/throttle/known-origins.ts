import type { Client } from '../../handler/publisher.ts';
import { originOf } from './origin.ts';

/** Past it, the oldest is forgotten here; the throttle knows more of them. */
const MAX_ORIGINS = 256;

/** The origins from which one login has succeeded. Looked at for each message. */
export class KnownOrigins {
  /** The address that was looked for last: most clients come again. */
  #lastAddress: string | undefined;
  /** Their names, and single addresses of IPv6 networks. */
  readonly #names = new Set<string>();

  has(client: Client): boolean {
    const { address } = client;
    if (address !== undefined && address === this.#lastAddress) return true;
    if (address === undefined || !this.#names.has(address)) {
      if (!this.#names.has(originOf(client).name)) return false;
      // An IPv6 address that is found by its network costs a hundred times as much.
      if (address !== undefined) this.#remember(address);
    }
    this.#lastAddress = address;
    return true;
  }

  add(client: Client): void {
    this.#remember(originOf(client).name);
  }

  #remember(name: string): void {
    this.#names.add(name);
    if (this.#names.size <= MAX_ORIGINS) return;
    const [oldest = ''] = this.#names;
    this.#names.delete(oldest);
    this.#lastAddress = undefined;
  }
}
