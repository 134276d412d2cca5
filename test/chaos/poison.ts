import type { Topology, User } from '../support/topology.ts';
import type { Shot } from './load.ts';

/** The broker's max_message_size for runs with poison, in bytes. */
export const MAX_MESSAGE_SIZE = 200_000;

/** A user who may do less than all. */
export const POISONER: User = { username: 'poisoner', password: 'p' };

/** What poison needs to be poisonous. */
export async function preparePoison(topology: Topology): Promise<void> {
  await topology.exchange('internal', 'topic', { internal: true });
  await topology.exchangeWithQueue('topics', 'topics');
  await topology.exchange('full');
  await topology.queue('full', { 'x-max-length': 0, 'x-overflow': 'reject-publish' });
  await topology.bind('full', 'full', '#');
  await topology.exchange('forbidden');
  await topology.addUser(POISONER, '^(?!forbidden$).*');
  await topology.api('PUT', `/topic-permissions/${topology.segment}/${POISONER.username}`, {
    exchange: 'topics',
    write: '^allowed',
    read: '.*',
  });
}

/**
 * Every way in which a client can make the broker refuse a message, or would if the gateway let it, and the error
 * that is its own.
 */
const KINDS: readonly {
  readonly name: string;
  readonly own: string;
  readonly exchange?: string;
  readonly key?: string;
  readonly fields?: string;
  readonly padding?: string;
}[] = [
  { name: 'missing exchange', own: 'exchange-not-found', exchange: 'missing' },
  { name: 'refused exchange', own: 'publish-refused', exchange: 'forbidden' },
  { name: 'internal exchange', own: 'publish-refused', exchange: 'internal' },
  { name: 'refused topic', own: 'publish-refused', exchange: 'topics', key: 'denied.x' },
  { name: 'foreign user_id', own: 'publish-refused', fields: '&user_id=bob' },
  { name: 'over max_message_size', own: 'body-too-large', padding: 'x'.repeat(MAX_MESSAGE_SIZE) },
  { name: 'full queue', own: 'message-rejected', exchange: 'full' },
  { name: 'expiration', own: 'invalid-property', fields: '&expiration=abc' },
  { name: 'priority', own: 'invalid-property', fields: '&priority=300' },
  { name: 'CC', own: 'invalid-property', fields: '&headers=%7B%22CC%22%3A%22k%22%7D' },
  { name: 'header value', own: 'invalid-property', fields: '&headers=%7B%22a%22%3A1e400%7D' },
  { name: 'reply_to', own: 'invalid-property', fields: '&reply_to=amq.rabbitmq.reply-to' },
  { name: 'broken form', own: 'malformed-request', fields: '&a=%' },
  { name: 'long routing key', own: 'malformed-request', key: 'k'.repeat(256) },
];

/** The n-th poison, on the connection of the poisoner. */
export function poison(topology: Topology, n: number): Shot {
  const kind = KINDS[n % KINDS.length];
  if (!kind) throw new Error('there is no poison');
  const { name, own, exchange = 'x0', key = 'k', fields = '', padding = '' } = kind;
  return {
    path: `/${topology.segment}/${exchange}/${key}`,
    user: POISONER,
    expectation: { name, ownErrors: [own], confirmable: false },
    fields,
    padding,
  };
}
