import { randomUUID } from 'node:crypto';
import amqp, { type GetMessage } from 'amqplib';
import { inject } from 'vitest';
import type { Broker } from '../../wrangler-free-local/broker.ts';
import { callApi } from '../../wrangler-free-local/management-api.ts';

/** A broker as tests see it. */
export interface BrokerPorts {
  readonly port: number;
  readonly managementPort: number;
}

/** Those of a broker that was started with management. */
export function portsOf({ port, managementPort }: Broker): BrokerPorts {
  if (managementPort === undefined) throw new Error('the broker has no management API');
  return { port, managementPort };
}

/** The broker that the whole run shares. */
export const sharedBroker = (): BrokerPorts => ({ port: inject('amqpPort'), managementPort: inject('managementPort') });

export interface User {
  readonly username: string;
  readonly password: string;
}

const enc = encodeURIComponent;

/** A vhost of a test's own, with a user who may do everything there. */
export class Topology {
  readonly broker: BrokerPorts;
  readonly vhost: string;
  readonly user: User;

  private constructor(broker: BrokerPorts, vhost: string, user: User) {
    this.broker = broker;
    this.vhost = vhost;
    this.user = user;
  }

  static async create(broker: BrokerPorts = sharedBroker(), vhost = `v-${randomUUID()}`): Promise<Topology> {
    const topology = new Topology(broker, vhost, { username: `u-${randomUUID()}`, password: randomUUID() });
    await topology.api('PUT', `/vhosts/${enc(vhost)}`);
    await topology.addUser(topology.user);
    await topology.permit({ username: 'admin', password: 'admin' });
    return topology;
  }

  /** A vhost of the sample definitions. One test file at a time can have it: curl's has `test`, PHP's has `/`. */
  static sample(vhost: '/' | 'test'): Topology {
    return new Topology(sharedBroker(), vhost, { username: 'guest', password: 'guest' });
  }

  /** The vhost as a path segment. */
  get segment(): string {
    return enc(this.vhost);
  }

  /** The same user's rights on another vhost. */
  async sibling(vhost: string): Promise<Topology> {
    const topology = new Topology(this.broker, vhost, this.user);
    await topology.api('PUT', `/vhosts/${enc(vhost)}`);
    await topology.permit(this.user);
    await topology.permit({ username: 'admin', password: 'admin' });
    return topology;
  }

  async api(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await callApi(this.broker.managementPort, method, path, body);
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.json)}`);
    return answer.json;
  }

  async addUser({ username, password }: User, write = '.*', tags = ''): Promise<User> {
    await this.api('PUT', `/users/${enc(username)}`, { password, tags });
    await this.permit({ username, password }, write);
    return { username, password };
  }

  async permit({ username }: User, write = '.*'): Promise<void> {
    const rights = { configure: '.*', write, read: '.*' };
    await this.api('PUT', `/permissions/${this.segment}/${enc(username)}`, rights);
  }

  async exchange(name: string, type = 'topic', properties: object = {}): Promise<string> {
    await this.api('PUT', `/exchanges/${this.segment}/${enc(name)}`, { type, durable: true, ...properties });
    return name;
  }

  async queue(name: string, args: object = {}): Promise<string> {
    await this.api('PUT', `/queues/${this.segment}/${enc(name)}`, { durable: true, arguments: args });
    return name;
  }

  async bind(exchange: string, queue: string, routingKey: string, args: object = {}): Promise<void> {
    const path = `/bindings/${this.segment}/e/${enc(exchange)}/q/${enc(queue)}`;
    await this.api('POST', path, { routing_key: routingKey, arguments: args });
  }

  /** An exchange and a queue that gets all of it. */
  async exchangeWithQueue(exchange = 'x', queue = 'q', args: object = {}): Promise<void> {
    await this.exchange(exchange);
    await this.queue(queue, args);
    await this.bind(exchange, queue, '#');
  }

  /** Takes everything out of a queue, in order, through a client library that is not the gateway's. */
  async drain(queue = 'q'): Promise<GetMessage[]> {
    const connection = await amqp.connect({
      hostname: '127.0.0.1',
      port: this.broker.port,
      username: 'admin',
      password: 'admin',
      // The library takes it as a part of a URL.
      vhost: enc(this.vhost),
    });
    try {
      const channel = await connection.createChannel();
      const messages: GetMessage[] = [];
      for (;;) {
        const message = await channel.get(queue, { noAck: true });
        if (message === false) return messages;
        messages.push(message);
      }
    } finally {
      await connection.close();
    }
  }

  /** The one message in the queue. */
  async only(queue = 'q'): Promise<GetMessage> {
    const [message, ...others] = await this.drain(queue);
    if (!message || others.length > 0)
      throw new Error(`expected one message, found ${message ? others.length + 1 : 0}`);
    return message;
  }

  async delete(): Promise<void> {
    await this.api('DELETE', `/vhosts/${enc(this.vhost)}`);
  }
}

/** The properties that a message has. */
export const propertiesOf = ({ properties }: GetMessage): Record<string, unknown> =>
  Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined));
