import { randomBytes } from 'node:crypto';

const PREFIX_BYTES = 9;

/**
 * Ids for requests that bring none: what no other server has, drawn once, and a number. A UUID for each would cost
 * more than finding the connection that a message goes to.
 */
export class RequestIds {
  readonly #prefix = randomBytes(PREFIX_BYTES).toString('base64url');
  #given = 0;

  next(): string {
    this.#given += 1;
    return `${this.#prefix}.${this.#given}`;
  }
}
