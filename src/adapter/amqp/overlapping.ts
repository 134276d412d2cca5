import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Addressed, PublishOutcome } from '../../handler/publisher.ts';

/** Messages handed over in one turn of the event loop: a millisecond's work, or two. */
const SLICE = 100;

/**
 * Publishes messages one after the other without waiting for their confirms, but with so many without an outcome at
 * most, so that one batch leaves room for others.
 *
 * @param publish `onSettled` is to be called once, with the outcome
 */
export async function publishOverlapping(
  messages: readonly Addressed[],
  maxOpen: number,
  publish: (message: Addressed, onSettled: () => void) => Promise<PublishOutcome>,
): Promise<readonly PublishOutcome[]> {
  const outcomes: Promise<PublishOutcome>[] = [];
  let open = 0;
  let onRoom = (): void => {};
  const onSettled = (): void => {
    open -= 1;
    if (open <= maxOpen / 2) onRoom();
  };
  for (const message of messages) {
    if (open >= maxOpen) {
      await new Promise<void>((resolve) => {
        onRoom = resolve;
      });
    } else if (outcomes.length % SLICE === SLICE - 1) await nextTurn();
    open += 1;
    outcomes.push(publish(message, onSettled));
  }
  return Promise.all(outcomes);
}
