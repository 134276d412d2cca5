import { isArray, isTable } from '../../handler/message/table-size.ts';
import type { HeaderValue, Properties } from '../../handler/publisher.ts';
import { type Delivery, digestOf } from './delivery.ts';
import type { Returned } from './message-events.ts';
import { decodeTable } from './table-decoding.ts';

/** Properties that come back. */
const COMPARED = [
  'contentType',
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
  'deliveryMode',
] as const satisfies readonly (keyof Properties)[];

/** Header names are told apart from properties by this prefix. */
const HEADER = 'headers.';

/** Of a message whose headers are out of memory, which could be the one: another that agrees is preferred. */
const HEADERS_GONE = 'headers';

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
  find(returned: Returned, candidates: Iterable<Delivery>): Delivery | undefined {
    const headers = textsOf(returned.fields.headers);
    const body = new ReturnedBody(returned.body);
    let best: Delivery | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (const delivery of candidates) {
      let differences = unlikeAddressOrBody(returned, body, delivery);
      if (differences >= fewest) continue;
      differences += this.#differing(returned, headers, delivery).length;
      if (differences === 0) return delivery;
      if (differences >= fewest) continue;
      best = delivery;
      fewest = differences;
    }
    if (best && !best.headersAreGone && fewest < OTHER_BODY)
      for (const name of this.#differing(returned, headers, best)) this.#stamped.add(name);
    return best;
  }

  #differing(returned: Returned, headers: Headers, delivery: Delivery): string[] {
    const { properties } = delivery;
    const names: string[] = COMPARED.filter((name) => returned.fields[name] !== properties[name]);
    if (delivery.headersAreGone) return [...names, HEADERS_GONE];
    let own = headersOf.get(delivery);
    if (own === undefined) {
      const { headers: sent } = properties;
      own = textsOf(sent instanceof Uint8Array ? decodeTable(sent) : sent && decoded(sent));
      headersOf.set(delivery, own);
    }
    for (const [name, text] of own) if (headers.get(name) !== text) names.push(HEADER + name);
    for (const name of headers.keys()) if (!own.has(name)) names.push(HEADER + name);
    return names.filter((name) => !this.#stamped.has(name));
  }
}

function unlikeAddressOrBody({ exchange, routingKey }: Returned, body: ReturnedBody, delivery: Delivery): number {
  const { address } = delivery;
  if (exchange !== address.exchange || routingKey !== address.routingKey) return OTHER_ADDRESS;
  return body.isOf(delivery) ? 0 : OTHER_BODY;
}

class ReturnedBody {
  readonly #bytes: Buffer;
  #digest: string | undefined;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  isOf({ body, bodyDigest }: Delivery): boolean {
    if (bodyDigest === undefined) return this.#bytes.equals(body);
    this.#digest ??= digestOf(this.#bytes);
    return this.#digest === bodyDigest;
  }
}

function textsOf(table: unknown): Headers {
  if (typeof table !== 'object' || table === null) return NONE;
  const texts = new Map<string, string>();
  for (const [name, value] of entriesOf(table)) if (name !== 'BCC') texts.set(name, JSON.stringify(plain(value)) ?? '');
  return texts;
}

/** A value that has been sent, as the client library decodes it again. */
function decoded(value: HeaderValue): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object' || value === null) return value;
  if (isArray(value)) return value.map(decoded);
  if (isTable(value)) return Object.fromEntries([...value].map(([name, member]) => [name, decoded(member)]));
  switch (value.type) {
    case 'double':
      return value.value;
    case 'timestamp':
      return value.seconds;
    case 'decimal':
      return { scale: value.scale, value: value.digits };
    case 'binary':
      return value.bytes;
  }
}

/** Tables come back as objects, in which numeric names move to the front. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value !== 'object' || value === null) return value;
  return entriesOf(value)
    .map(([name, member]) => [name, plain(member)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Without `__proto__`, which is lost in objects. */
const entriesOf = (table: object): (readonly [string, unknown])[] =>
  Object.entries(table).filter(([name]) => name !== '__proto__');
