import type { ChildProcess } from 'node:child_process';
import * as v from 'valibot';

/** Node's name for the channel below a child process. */
const CHANNEL = 'kChannelHandle';

const channel = v.looseObject({ onread: v.function() });

/**
 * Node decodes what a child sends, and throws where it cannot: nobody could catch that but the whole process. So it is
 * caught where it is thrown, in functions of Node's that have no documented name; where those are gone, nothing is guarded.
 *
 * @param onNonsense is told that nothing which the child says from now on can be relied on
 */
export function guardChannel(child: ChildProcess, onNonsense: (error: unknown) => void): void {
  const { emit } = child;
  child.emit = function guarded(this: ChildProcess, ...event: unknown[]): boolean {
    if (event[0] !== 'internalMessage') return Reflect.apply(emit, this, event);
    try {
      return Reflect.apply(emit, this, event);
    } catch (error) {
      onNonsense(error);
      return true;
    }
  };
  const symbol = Object.getOwnPropertySymbols(child).find(({ description }) => description === CHANNEL);
  const handle: unknown = symbol && Reflect.get(child, symbol);
  if (!v.is(channel, handle)) return;
  const { onread } = handle;
  handle.onread = function guarded(this: unknown, ...args: unknown[]): unknown {
    try {
      return Reflect.apply(onread, this, args);
    } catch (error) {
      onNonsense(error);
      return undefined;
    }
  };
}
