import type { BrokerOptions } from '../../wrangler-free-local/broker.ts';
import { Load } from './load.ts';
import { MAX_MESSAGE_SIZE, POISONER, poison, preparePoison } from './poison.ts';
import { World } from './world.ts';

/** One message in so many is poison: 3 %. */
const POISON_EVERY = 33;

/** A world in which poison is poisonous. */
export async function createPoisonWorld(broker: BrokerOptions = {}): Promise<World> {
  const config = { max_message_size: String(MAX_MESSAGE_SIZE), ...broker.config };
  const world = await World.create({ broker: { ...broker, config } });
  await preparePoison(world.topology);
  return world;
}

/** Innocents, and poison among them unless it is left out, all on one connection to the broker. */
export function startPoisonLoad(
  world: World,
  {
    clients,
    messages,
    clean = false,
  }: { readonly clients: number; readonly messages: number; readonly clean?: boolean },
): Load {
  return new Load({
    ports: world.gateway.ports,
    clients,
    messages,
    shot: (n) =>
      !clean && n % POISON_EVERY === 0
        ? poison(world.topology, n / POISON_EVERY)
        : { ...world.innocent(n), user: POISONER },
  });
}
