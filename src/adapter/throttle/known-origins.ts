import type { Client } from '../../handler/publisher.ts';
import { originOf } from './origin.ts';

/** Past it, the oldest is forgotten here; the throttle knows more of them. */
const MAX_ORIGINS = 256;

/** The origins from which one login has succeeded. Looked at for each message. */
export class KnownOrigins {
  /** The address that was looked for last: most clients come again. */
  #lastAddress: string | undefined;
  readonly #names = new Set<string>();

  has(client: Client): boolean {
    const { address } = client;
    if (address !== undefined && address === this.#lastAddress) return true;
    if (!this.#names.has(originOf(client).name)) return false;
    this.#lastAddress = address;
    return true;
  }

  add(client: Client): void {
    this.#names.add(originOf(client).name);
    if (this.#names.size <= MAX_ORIGINS) return;
    const [oldest = ''] = this.#names;
    this.#names.delete(oldest);
    this.#lastAddress = undefined;
  }
}
