import type { Address, HeaderValue, Message } from '../publisher.ts';

/** Exchanges by name; the default exchange is `amq.default`. */
export interface ExchangeNames {
  readonly regexp: RegExp;
}

/** Keys under which RabbitMQ delivers to the consumer that waits for a direct reply, past all queues. */
const DIRECT_REPLY = 'amq.rabbitmq.reply-to.';

/** Makes an exchange of the x-delayed-message plugin keep the message for a while. It returns what it keeps. */
const DELAY = 'x-delay';

/**
 * The message, without the wish to be returned where a return would say nothing: the broker returns what no queue takes
 * at once, and some exchanges have then kept, delayed or delivered it.
 *
 * @param message not compact yet
 * @param ignored exchanges of which the operator knows it
 */
export function withoutVoidReturn(
  { exchange, routingKey }: Address,
  message: Message,
  ignored: readonly ExchangeNames[],
): Message {
  const { headers } = message.properties;
  const isVoid =
    isDirectReply(routingKey) ||
    (headers !== undefined &&
      !(headers instanceof Uint8Array) &&
      (headers.has(DELAY) || [headers.get('CC'), headers.get('BCC')].flat().some(isDirectReply))) ||
    ignored.some(({ regexp }) => regexp.test(exchange || 'amq.default'));
  return isVoid ? { ...message, unroutable: 'ignore' } : message;
}

const isDirectReply = (key: HeaderValue | undefined): boolean =>
  typeof key === 'string' && key.startsWith(DIRECT_REPLY);
