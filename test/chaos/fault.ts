import type { Shot } from './load.ts';
import type { World } from './world.ts';
import type { worlds } from './worlds.ts';

/** Something that goes wrong with the broker while messages are on their way. */
export interface Fault {
  readonly name: string;
  /** What is done, for the report. */
  readonly what: string;
  /** Innocents may be told that the broker is away or silent; else all of them are to be confirmed. */
  readonly outage?: boolean;
  /** It takes long, and adds little to a quick run. */
  readonly slow?: boolean;
  /** Where it happens. */
  readonly world: keyof typeof worlds;
  /** What the n-th request is; an innocent's, unless it says otherwise. */
  readonly shot?: (world: World, n: number) => Shot;
  prepare?(world: World): Promise<void>;
  strike(world: World): Promise<void>;
  /** Puts back what the fault took away, for the next one. */
  repair?(world: World): Promise<void>;
}
