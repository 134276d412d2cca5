import type {
  Address,
  Addressed,
  Admission,
  Message,
  PublishFailure,
  PublishOptions,
  PublishOutcome,
} from '../../handler/publisher.ts';
import type { Share } from './budget.ts';

/** What an admission costs besides its body, in bytes of memory: the request, the message, the promises. */
const OVERHEAD_BYTES = 2_048;

export interface AdmissionHost {
  /** @param giveBack call it when the message is out of memory */
  publish(address: Address, message: Message, options: PublishOptions, giveBack: () => void): Promise<PublishOutcome>;
  /** @param giveBack call it when all messages are out of memory */
  publishMany(
    messages: readonly Addressed[],
    options: PublishOptions,
    giveBack: () => void,
  ): Promise<readonly PublishOutcome[]>;
  abandon(requestId: string, address: Address, failure: PublishFailure): void;
  /** It has ended; `published` tells how. */
  onEnded(published: boolean): void;
}

/** Room for a body of so many bytes, or undefined where there is none. */
export function admit(share: Share, announced: number, host: AdmissionHost): Admission | undefined {
  let reserved = announced + OVERHEAD_BYTES;
  if (!share.take(reserved)) return undefined;
  let open = true;
  return {
    kind: 'admitted',
    reserve: (bytes) => {
      if (!share.take(bytes, reserved)) return false;
      reserved += bytes;
      return true;
    },
    publish: (address, message, options) => {
      open = false;
      host.onEnded(true);
      return host.publish(address, message, options, () => share.give(reserved));
    },
    publishMany: async (messages, options) => {
      open = false;
      const outcomes = await host.publishMany(messages, options, () => share.give(reserved));
      // Only now, for a connection with an admission is not taken for idle between two slices of the batch.
      host.onEnded(true);
      return outcomes;
    },
    release: () => {
      if (!open) return;
      open = false;
      share.give(reserved);
      host.onEnded(false);
    },
    abandon: (requestId, address, failure) => host.abandon(requestId, address, failure),
  };
}
