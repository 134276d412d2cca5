import type { GatewayOptions } from './support/attacked-gateway.ts';
import type { World } from './support/world.ts';

/** What came of an attack, apart from what the bystanders saw. */
export interface Finding {
  /** What was sent and what was answered, in a phrase. */
  readonly figures: string;
  /** Promises of this attack's own that were broken; none is good. */
  readonly broken: readonly string[];
}

/** Something that an attacker does to a gateway from outside. */
export interface Attack {
  readonly name: string;
  /** What the attacker does, for the table. */
  readonly tries: string;
  /** What must hold besides what holds for all attacks. */
  readonly promise: string;
  /** How the gateway is set up that is attacked, beside honest clients, in 512 MiB. */
  readonly gateway?: Omit<GatewayOptions, 'broker' | 'limit'>;
  /** It starts gateways of its own, and nobody else uses them. */
  readonly alone?: true;
  /** How long it may go on, where that is not what the program was told. */
  readonly seconds?: number;
  /** It has the backends replaced, as an operator may: new ones are no deaths. */
  readonly rolls?: true;
  /** Strikes until it has done all it wants, or until the signal says that the time is up. */
  run(world: World, signal: AbortSignal): Promise<Finding>;
}

/** A finding, from conditions that must hold. */
export function finding(figures: string, conditions: Readonly<Record<string, boolean>> = {}): Finding {
  const broken = Object.entries(conditions).flatMap(([promise, holds]) => (holds ? [] : [promise]));
  return { figures, broken };
}
