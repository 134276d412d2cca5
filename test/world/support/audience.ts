import { type BrokerPorts, Topology } from '../../support/topology.ts';
import { type Consumer, ConsumerPrograms, consumers, type Reading } from './consumers.ts';
import { type Wire, wireHeaders } from './wire.ts';

const WIRE = 'wire';

/** All consumers, each with a queue that gets all that is published to the exchange `world`. */
export class Audience {
  readonly topology: Topology;
  readonly #programs: ConsumerPrograms;

  private constructor(topology: Topology, programs: ConsumerPrograms) {
    this.topology = topology;
    this.#programs = programs;
  }

  static async gather(broker: BrokerPorts): Promise<Audience> {
    const programs = await ConsumerPrograms.build();
    const topology = await Topology.create(broker);
    await topology.exchange('world', 'fanout');
    for (const queue of [...consumers, WIRE]) {
      await topology.queue(queue);
      await topology.bind('world', queue, '');
    }
    return new Audience(topology, programs);
  }

  /** Lets every consumer read so many messages, in their order. */
  async read(count: number): Promise<ReadonlyMap<Consumer, readonly Reading[]>> {
    const readings = consumers.map(
      async (consumer) => [consumer, await this.#programs.read(consumer, this.topology, consumer, count)] as const,
    );
    return new Map(await Promise.all(readings));
  }

  /** The headers of all messages as they are encoded. */
  wire(): Promise<readonly Record<string, Wire>[]> {
    return wireHeaders(this.topology, WIRE);
  }

  async dismiss(): Promise<void> {
    await this.topology.delete();
    await this.#programs.delete();
  }
}
