import { AMQPChannelError, AMQPConnectionError } from 'rabbitmq-client';
import type { LoginFailureKind, PublishFailureKind } from '../../handler/publisher.ts';
import { causeOf, isClosed, replyText } from './causes.ts';
import { PeerFault } from './peer-fault.ts';

/**
 * What RabbitMQ's errors mean. The only file that spells its reply codes and texts.
 *
 * The client library's messages read `<method>: <CODE> - <text>`. Texts contain names that clients chose and are cut
 * at 255 bytes, so a text is compared with what the broker would say about the known names, never searched for them.
 *
 * @see https://www.rabbitmq.com/amqp-0-9-1-reference.html#constants
 */

/** A message refused by the broker, and how far its reason reaches. */
export interface Refusal {
  readonly kind: Extract<
    PublishFailureKind,
    'publish-refused' | 'exchange-not-found' | 'message-too-large' | 'message-invalid' | 'broker-error'
  >;
  readonly detail: string;
  /** `exchange`: nobody on this connection may publish there. `routing-key`: a topic permission. `message`: only it. */
  readonly scope: 'exchange' | 'routing-key' | 'message';
  /** The token that the connection logged in with has expired by the broker's clock. */
  readonly tokenExpired?: true;
  /** The broker's max_message_size in bytes, where it told. */
  readonly maxMessageSize?: number;
}

/** Why a connection ended. */
export interface Loss {
  /** `protocol`: something written on it was wrong. `broker-error`: the broker failed over something written on it. */
  readonly kind: 'protocol' | 'broker-error' | 'channel-limit' | 'lost';
  /** For operators, and where the broker spoke its own words. */
  readonly cause: string;
}

/** A login that the broker answered with a refusal. */
export interface LoginRefusal {
  readonly kind: Extract<LoginFailureKind, 'login-refused' | 'vhost-refused' | 'vhost-not-found' | 'broker-limit'>;
  readonly detail: string;
  /** The broker was not asked. */
  readonly unasked?: true;
}

const PROTOCOL_ERRORS: ReadonlySet<string> = new Set([
  'FRAME_ERROR',
  'SYNTAX_ERROR',
  'COMMAND_INVALID',
  'CHANNEL_ERROR',
  'UNEXPECTED_FRAME',
  'RESOURCE_ERROR',
  'NOT_ALLOWED',
  'NOT_IMPLEMENTED',
  'CODEC',
]);

const MAX_REPLY_TEXT = 255;

const EXPIRED_TOKEN = / returned an error: "Provided JWT token has expired at timestamp \d+ \(validated at \d+\)"$/;

/** What RabbitMQ 4 and 3.10 call the user of a token whose claims name none. */
const NAMELESS = ['unknown', 'undefined'];

function says(text: string, expected: string): boolean {
  const wire = Buffer.from(expected).subarray(0, MAX_REPLY_TEXT).toString();
  return text === expected || (wire.length < expected.length && text.startsWith(wire.slice(0, -1)));
}

/** `undefined` where the error says only that the channel is closed, which is about no message at all. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof AMQPChannelError) || error instanceof AMQPConnectionError) return undefined;
  const detail = replyText(error);
  const [, text = ''] = detail.split(/^[A-Z_]+ - /);
  switch (error.code) {
    case 'CH_CLOSE':
      return undefined;
    case 'NOT_FOUND':
      return { kind: 'exchange-not-found', detail, scope: 'exchange' };
    case 'ACCESS_REFUSED':
      return {
        kind: 'publish-refused',
        detail,
        // RabbitMQ 4 says which access.
        scope: /^(?:write )?access to topic /.test(text) ? 'routing-key' : 'exchange',
        ...(EXPIRED_TOKEN.test(text) && { tokenExpired: true }),
      };
    case 'PRECONDITION_FAILED': {
      if (text.startsWith('user_id property set to ')) return { kind: 'publish-refused', detail, scope: 'message' };
      const size = /^message size \d+ is larger than (?:configured )?max size (\d+)$/.exec(text);
      if (size)
        return {
          kind: 'message-too-large',
          detail,
          scope: 'message',
          maxMessageSize: Number(size[1]),
        };
      return { kind: 'message-invalid', detail, scope: 'message' };
    }
    case 'CONTENT_TOO_LARGE':
      return { kind: 'message-too-large', detail, scope: 'message' };
    case 'INTERNAL_ERROR':
      return brokerError(detail);
    default:
      return { kind: 'message-invalid', detail, scope: 'message' };
  }
}

/** The broker failed over a message. It would do so again. */
export const brokerError = (detail: string): Refusal => ({ kind: 'broker-error', detail, scope: 'message' });

export function lossOf(error: unknown): Loss {
  return { kind: lossKindOf(error), cause: causeOf(error) };
}

function lossKindOf(error: unknown): Loss['kind'] {
  // Nobody knows whether something written on it was the reason.
  if (error instanceof PeerFault) return 'protocol';
  if (!(error instanceof AMQPConnectionError)) return 'lost';
  if (error.code === 'INTERNAL_ERROR') return 'broker-error';
  if (error.code === 'NOT_ALLOWED' && /number of channels opened .* has reached the maximum/.test(error.message))
    return 'channel-limit';
  return PROTOCOL_ERRORS.has(error.code) ? 'protocol' : 'lost';
}

/**
 * `undefined` where no broker spoke: it is away, too slow, or not a RabbitMQ.
 *
 * @param usernames by which of these the broker calls the user is not always known
 */
export function loginRefusalOf(error: unknown, vhost: string, usernames: readonly string[]): LoginRefusal | undefined {
  if (!(error instanceof AMQPConnectionError)) return undefined;
  const detail = replyText(error);
  if (error.code === 'ACCESS_REFUSED') return { kind: 'login-refused', detail };
  if (error.code !== 'NOT_ALLOWED') return undefined;
  const refused = `NOT_ALLOWED - access to vhost '${vhost}' refused for user `;
  if ([...usernames, ...NAMELESS].some((username) => says(detail, `${refused}'${username}'`)))
    return { kind: 'vhost-refused', detail };
  if (says(detail, `NOT_ALLOWED - vhost ${vhost} not found`)) return { kind: 'vhost-not-found', detail };
  return { kind: 'broker-limit', detail };
}

/** What it means that a broker closes the connection after a login, where it does not promise to tell of a refusal. */
export function silentRefusalOf(error: unknown): LoginRefusal | undefined {
  return isClosed(error)
    ? { kind: 'login-refused', detail: 'the broker closed the connection after the login, without a reason' }
    : undefined;
}
