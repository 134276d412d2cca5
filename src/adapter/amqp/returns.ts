import type { ReturnedMessage } from 'rabbitmq-client';
import type { Properties } from '../../handler/publisher.ts';
import type { Delivery } from './delivery.ts';

/** Properties that come back. The content type does not: see `watchReturns`. */
const COMPARED = [
  'messageId',
  'correlationId',
  'type',
  'userId',
  'replyTo',
  'expiration',
  'priority',
  'timestamp',
  'contentEncoding',
  'appId',
  'clusterId',
] as const satisfies readonly (keyof Properties & keyof ReturnedMessage)[];

/** Header names are told apart from properties by this prefix. */
const HEADER = 'headers.';

/** More than the properties and headers of a message can be. */
const OTHER_BODY = 1e6;
const OTHER_ADDRESS = 2e6;

/** A message's headers by name, each value in a text that is the same on both sides of the broker. */
type Headers = ReadonlyMap<string, string>;

const NONE: Headers = new Map();

const headersOf = new WeakMap<Delivery, Headers>();

/**
 * Finds the message that a basic.return is about, which carries no delivery tag.
 *
 * It is the one with the fewest differences, the oldest of several. Brokers change what they return: they add or
 * overwrite headers and timestamps (message interceptors), spell numbers their way, and take the BCC header out. What a
 * broker changed once is no difference any more, so that the search ends at the first message that agrees in the rest.
 */
export class ReturnMatcher {
  /** Properties and headers that the broker writes itself. */
  readonly #stamped = new Set<string>();

  /** @param candidates in the order of publishing; `undefined` only where there are none */
  find(returned: ReturnedMessage, candidates: Iterable<Delivery>): Delivery | undefined {
    const headers = textsOf(returned.headers);
    let best: Delivery | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (const delivery of candidates) {
      let differences = unlikeAddressOrBody(returned, delivery);
      if (differences >= fewest) continue;
      differences += this.#differing(returned, headers, delivery).length;
      if (differences === 0) return delivery;
      if (differences >= fewest) continue;
      best = delivery;
      fewest = differences;
    }
    if (best && fewest < OTHER_BODY)
      for (const name of this.#differing(returned, headers, best)) this.#stamped.add(name);
    return best;
  }

  #differing(returned: ReturnedMessage, headers: Headers, delivery: Delivery): string[] {
    const { properties } = delivery.message;
    let own = headersOf.get(delivery);
    if (own === undefined) {
      own = textsOf(properties.headers);
      headersOf.set(delivery, own);
    }
    const names: string[] = COMPARED.filter((name) => returned[name] !== properties[name]);
    if (returned.durable !== (properties.deliveryMode === 2)) names.push('deliveryMode');
    for (const [name, text] of own) if (headers.get(name) !== text) names.push(HEADER + name);
    for (const name of headers.keys()) if (!own.has(name)) names.push(HEADER + name);
    return names.filter((name) => !this.#stamped.has(name));
  }
}

function unlikeAddressOrBody(returned: ReturnedMessage, { address, body }: Delivery): number {
  if (returned.exchange !== address.exchange || returned.routingKey !== address.routingKey) return OTHER_ADDRESS;
  return Buffer.isBuffer(returned.body) && returned.body.equals(body) ? 0 : OTHER_BODY;
}

function textsOf(table: unknown): Headers {
  if (typeof table !== 'object' || table === null) return NONE;
  const texts = new Map<string, string>();
  for (const [name, value] of entriesOf(table)) if (name !== 'BCC') texts.set(name, JSON.stringify(plain(value)) ?? '');
  return texts;
}

/** Tables are sent as maps and come back as objects, in which numeric names move to the front. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return entriesOf(value)
    .map(([name, member]) => [name, plain(member)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Without `__proto__`, which objects lose. */
function entriesOf(table: object): (readonly [string, unknown])[] {
  const entries: (readonly [string, unknown])[] = table instanceof Map ? [...table] : Object.entries(table);
  return entries.filter(([name]) => name !== '__proto__');
}
