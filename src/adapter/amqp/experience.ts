import type { Delivery } from './delivery.ts';
import type { Lane } from './lane.ts';
import type { Refusal } from './outcomes.ts';
import { contentHeaderSize } from './publish-frames.ts';

/** More than the properties of any message that the handler lets through. */
const UNSUSPECTED_FRAME_BYTES = 72 * 1024;

/** Message bodies up to this size are not suspected of being over the broker's limit. */
const UNSUSPECTED_BYTES = 64 * 1024;

/** Others are the broker's to judge; only the management API's clients can send them. */
const SOUND_EXPIRATION = /^\d{1,10}$/;

/** What one connection has taught of what the broker takes, and so which messages it may refuse. */
export class Experience {
  #username: string | undefined;
  #largestConfirmed = 0;
  #maxMessageSize = Number.POSITIVE_INFINITY;
  /** A user_id other than the login was confirmed: the user is an impersonator. */
  #impersonates = false;

  /** @param username undefined where only the broker knows it: that of a token */
  constructor(username: string | undefined) {
    this.#username = username;
  }

  /** Why the broker is sure to refuse the message. */
  hopeless({ properties, body }: Delivery, frameMax: number): string | undefined {
    if (body.length > this.#maxMessageSize) return `the broker takes messages of at most ${this.#maxMessageSize} bytes`;
    const fits = frameMax >= UNSUSPECTED_FRAME_BYTES || contentHeaderSize(properties) <= frameMax;
    return fits ? undefined : 'the properties do not fit a frame of this broker';
  }

  /** Whether the broker may refuse the message, so that it should be sent alone. */
  suspects({ suspect, body, properties, address }: Delivery, lane: Lane): boolean {
    const { userId, expiration } = properties;
    return (
      suspect ||
      (userId !== undefined && userId !== this.#username && !this.#impersonates) ||
      (expiration !== undefined && !SOUND_EXPIRATION.test(expiration)) ||
      (body.length > UNSUSPECTED_BYTES && body.length > 2 * this.#largestConfirmed) ||
      lane.distrusts(address.routingKey)
    );
  }

  noteConfirmed({ body, properties: { userId } }: Delivery): void {
    if (body.length > this.#largestConfirmed) this.#largestConfirmed = body.length;
    if (userId === undefined || userId === this.#username) return;
    if (this.#username === undefined) this.#username = userId;
    else this.#impersonates = true;
  }

  noteRefusal({ scope, maxMessageSize }: Refusal, lane: Lane): void {
    if (scope === 'exchange') lane.proven = false;
    if (scope === 'routing-key') lane.noteTopicRefusal();
    if (maxMessageSize !== undefined) this.#maxMessageSize = maxMessageSize;
  }
}
