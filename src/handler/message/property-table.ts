import * as v from 'valibot';
import type { HeaderValue, Properties, Unroutable } from '../publisher.ts';
import { headersOfJson, headersOfText } from './headers-schema.ts';
import { parseDateTime } from './timestamp.ts';
import { isShortString, maxShortString, utf8Length } from './utf8.ts';

/** What a message says of itself; what it leaves open is the configuration's to say. */
export interface StatedProperties extends Partial<Omit<Properties, 'headers'>> {
  /** Open to what else adds to them. */
  headers?: Map<string, HeaderValue>;
  unroutable?: Unroutable;
}

/** One property on the wire. */
export interface PropertyRule {
  /** The field's names: AMQP's own first. Where a form says `_`, `-` means the same. */
  readonly names: readonly [string, ...string[]];
  /** Any text is a value, white space included. */
  readonly isText: boolean;
  /** The value as the text of a form or query string; never empty, for that is an absent property. */
  readonly text: v.GenericSchema<unknown, unknown>;
  /** The value as JSON has it. */
  readonly json: v.GenericSchema<unknown, unknown>;
  /** Judges a value and notes it; returns what is wrong with it, if anything is. */
  readonly judge: (value: unknown, form: 'text' | 'json', into: StatedProperties) => readonly string[];
}

/** Properties that are no texts to AMQP, or whose text has a form. */
const trimmed: ReadonlySet<keyof StatedProperties> = new Set([
  'deliveryMode',
  'expiration',
  'priority',
  'timestamp',
  'unroutable',
]);

function rule<Property extends keyof StatedProperties>(
  property: Property,
  names: PropertyRule['names'],
  schemas: Schemas<Required<StatedProperties>[Property]>,
): PropertyRule {
  return {
    names,
    isText: !trimmed.has(property),
    ...schemas,
    judge: (value, form, into) => {
      const result = v.safeParse(schemas[form], value, { abortPipeEarly: true });
      if (!result.success) return result.issues.map((issue) => issue.message);
      into[property] = result.output;
      return [];
    },
  };
}

interface Schemas<T> {
  readonly text: v.GenericSchema<unknown, T>;
  readonly json: v.GenericSchema<unknown, T>;
}

/** Where text and JSON have the same form. */
function either<T>(schema: v.GenericSchema<unknown, T>): Schemas<T> {
  return { text: schema, json: schema };
}

// Descriptions and metadata are for the OpenAPI document: they say what JSON Schema cannot know of a check or a
// transformation behind them.

/** An integer: a number in JSON, decimal digits in a text. */
function integer(min: number, max: number, what = `an integer from ${min} to ${max}`, message = `expected ${what}`) {
  const json = v.pipe(
    v.number(message),
    v.description(what),
    v.integer(message),
    v.minValue(min, message),
    v.maxValue(max, message),
  );
  const digits = new RegExp(`^\\d{1,${String(max).length}}$`);
  return {
    json,
    text: v.pipe(v.string(message), v.description(what), v.regex(digits, message), v.transform(Number), json),
  };
}

// NUL and control characters are data to AMQP, and so they are here.
const shortString = either(
  v.pipe(
    v.string('expected a string'),
    v.metadata({ description: `at most ${maxShortString} bytes of UTF-8`, maxLength: maxShortString }),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed || isShortString(dataset.value)) return;
      const isBroken = dataset.value.length <= maxShortString && utf8Length(dataset.value) === undefined;
      if (isBroken) addIssue({ message: 'expected well-formed Unicode, found a lone surrogate' });
      else addIssue({ message: `expected at most ${maxShortString} bytes of UTF-8` });
    }),
  ),
);

const directReplyTo = 'amq.rabbitmq.reply-to';

// RabbitMQ answers a direct reply-to to the channel that published, and ours consumes nothing.
const replyTo = either(
  v.pipe(
    shortString.json,
    v.metadata({ not: { const: directReplyTo } }),
    v.check((value) => value !== directReplyTo, 'direct reply-to is refused: no reply could come back'),
  ),
);

const deliveryModes = '1 (transient) or 2 (persistent)';
const expectedDeliveryMode = `expected ${deliveryModes}`;
const deliveryMode = {
  text: v.pipe(
    v.picklist(['1', '2'], expectedDeliveryMode),
    v.description(deliveryModes),
    v.transform((value): 1 | 2 => (value === '2' ? 2 : 1)),
  ),
  json: v.pipe(v.picklist([1, 2], expectedDeliveryMode), v.description(deliveryModes)),
};

const ifUnroutable = 'whether an unroutable message is refused with 404; if not, nobody is told of it';
const mandatory = {
  text: v.pipe(
    v.picklist(['true', '1', 'false', '0'], 'expected true, 1, false or 0'),
    v.description(ifUnroutable),
    v.transform((value): Unroutable => (value === 'true' || value === '1' ? 'refuse' : 'ignore')),
  ),
  json: v.pipe(
    v.boolean('expected true or false'),
    v.description(ifUnroutable),
    v.transform((value): Unroutable => (value ? 'refuse' : 'ignore')),
  ),
};

const maxExpiration = 4_294_967_295;
const milliseconds = integer(
  0,
  maxExpiration,
  `the time to live: milliseconds, an integer from 0 to ${maxExpiration}`,
  `expected an integer from 0 to ${maxExpiration}`,
);
const expiration = {
  text: v.pipe(milliseconds.text, v.transform(String)),
  json: v.pipe(milliseconds.json, v.transform(String)),
};

const timestamps = 'seconds since the epoch (an integer from 0 to 2^53−1) or an RFC 3339 date-time';
const expectedTimestamp = `expected ${timestamps}`;
const seconds = integer(0, Number.MAX_SAFE_INTEGER, timestamps);
const dateTime = v.pipe(
  v.string(expectedTimestamp),
  v.metadata({ description: 'from 1970 on; fractions of a second are dropped', format: 'date-time' }),
  v.transform((text) => parseDateTime(text) ?? -1),
  v.minValue(0, expectedTimestamp),
);
const timestamp = {
  text: v.union([seconds.text, dateTime], expectedTimestamp),
  json: v.union([seconds.json, dateTime], expectedTimestamp),
};

/**
 * The properties of a message, as clients name and write them. Everything that reads or describes them reads this table.
 *
 * @see https://www.rabbitmq.com/docs/publishers#message-properties
 */
export const propertyTable: readonly PropertyRule[] = [
  rule('appId', ['app_id'], shortString),
  rule('contentEncoding', ['content_encoding'], shortString),
  rule('contentType', ['content_type'], shortString),
  rule('correlationId', ['correlation_id'], shortString),
  rule('deliveryMode', ['delivery_mode'], deliveryMode),
  rule('expiration', ['expiration', 'expire'], expiration),
  rule('headers', ['headers'], { text: headersOfText, json: headersOfJson }),
  rule('messageId', ['message_id'], shortString),
  rule('priority', ['priority'], integer(0, 255)),
  rule('replyTo', ['reply_to'], replyTo),
  rule('timestamp', ['timestamp'], timestamp),
  rule('type', ['type'], shortString),
  rule('unroutable', ['mandatory'], mandatory),
  rule('userId', ['user_id'], shortString),
];
