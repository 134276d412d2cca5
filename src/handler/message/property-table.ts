import * as v from 'valibot';
import type { HeaderValue, Properties, Unroutable } from '../publisher.ts';
import {
  encodedTableSize,
  expectedRoutingKeys,
  expectedSize,
  findBadRoutingKeys,
  maxEncodedHeaders,
  toHeaderTable,
} from './headers-table.ts';
import { parseDateTime } from './timestamp.ts';
import { maxShortString, utf8Length } from './utf8.ts';

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
  /** The value as the text of a form or query string; never empty, for that is an absent property. */
  readonly text: v.GenericSchema<unknown, unknown>;
  /** The value as JSON has it. */
  readonly json: v.GenericSchema<unknown, unknown>;
  /** Judges a value and notes it; returns what is wrong with it, if anything is. */
  readonly judge: (value: unknown, form: 'text' | 'json', into: StatedProperties) => readonly string[];
}

function rule<Property extends keyof StatedProperties>(
  property: Property,
  names: PropertyRule['names'],
  schemas: Schemas<Required<StatedProperties>[Property]>,
): PropertyRule {
  return {
    names,
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

/** An integer: a number in JSON, decimal digits in a text. */
function integer(min: number, max: number, message = `expected an integer from ${min} to ${max}`) {
  const json = v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message));
  const digits = new RegExp(`^\\d{1,${String(max).length}}$`);
  return { json, text: v.pipe(v.string(message), v.regex(digits, message), v.transform(Number), json) };
}

// NUL and control characters are data to AMQP, and so they are here.
const shortString = either(
  v.pipe(
    v.string('expected a string'),
    v.rawCheck(({ dataset, addIssue }) => {
      const length = dataset.typed ? utf8Length(dataset.value) : 0;
      if (length === undefined) addIssue({ message: 'expected well-formed Unicode, found a lone surrogate' });
      else if (length > maxShortString) addIssue({ message: `expected at most ${maxShortString} bytes of UTF-8` });
    }),
  ),
);

// RabbitMQ answers a direct reply-to to the channel that published, and ours consumes nothing.
const replyTo = either(
  v.pipe(
    shortString.json,
    v.check((value) => value !== 'amq.rabbitmq.reply-to', 'direct reply-to is refused: no reply could come back'),
  ),
);

const expectedDeliveryMode = 'expected 1 (transient) or 2 (persistent)';
const deliveryMode = {
  text: v.pipe(
    v.picklist(['1', '2'], expectedDeliveryMode),
    v.transform((value): 1 | 2 => (value === '2' ? 2 : 1)),
  ),
  json: v.picklist([1, 2], expectedDeliveryMode),
};

const mandatory = {
  text: v.pipe(
    v.picklist(['true', '1', 'false', '0'], 'expected true, 1, false or 0'),
    v.transform((value): Unroutable => (value === 'true' || value === '1' ? 'refuse' : 'ignore')),
  ),
  json: v.pipe(
    v.boolean('expected true or false'),
    v.transform((value): Unroutable => (value ? 'refuse' : 'ignore')),
  ),
};

const milliseconds = integer(0, 4_294_967_295);
const expiration = {
  text: v.pipe(milliseconds.text, v.transform(String)),
  json: v.pipe(milliseconds.json, v.transform(String)),
};

const expectedTimestamp = 'expected seconds since the epoch (an integer from 0 to 2^53−1) or an RFC 3339 date-time';
const seconds = integer(0, Number.MAX_SAFE_INTEGER, expectedTimestamp);
const dateTime = v.pipe(
  v.string(expectedTimestamp),
  v.transform((text) => parseDateTime(text) ?? -1),
  v.minValue(0, expectedTimestamp),
);
const timestamp = {
  text: v.union([seconds.text, dateTime], expectedTimestamp),
  json: v.union([seconds.json, dateTime], expectedTimestamp),
};

const headersTable = v.pipe(
  v.unknown(),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const result = toHeaderTable(dataset.value);
    if (!result.ok) {
      for (const message of result.messages) addIssue({ message });
      return NEVER;
    }
    for (const name of findBadRoutingKeys(result.table)) addIssue({ message: `${name}: ${expectedRoutingKeys}` });
    if (encodedTableSize(result.table) > maxEncodedHeaders) addIssue({ message: expectedSize });
    return result.table;
  }),
);

// No JSON takes more than six characters to say what takes a byte in AMQP (`"\u0000"` does), padding aside. A longer
// text need not be parsed to be known as too long.
export const maxHeadersJson = 6 * maxEncodedHeaders;

const headers = {
  text: v.pipe(
    v.string('expected a JSON object'),
    v.maxLength(maxHeadersJson, expectedSize),
    v.rawTransform(({ dataset, addIssue, NEVER }): unknown => {
      try {
        return JSON.parse(dataset.value);
      } catch {
        addIssue({ message: 'expected a JSON object, found broken JSON' });
        return NEVER;
      }
    }),
    headersTable,
  ),
  json: headersTable,
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
  rule('headers', ['headers'], headers),
  rule('messageId', ['message_id'], shortString),
  rule('priority', ['priority'], integer(0, 255)),
  rule('replyTo', ['reply_to'], replyTo),
  rule('timestamp', ['timestamp'], timestamp),
  rule('type', ['type'], shortString),
  rule('unroutable', ['mandatory'], mandatory),
  rule('userId', ['user_id'], shortString),
];
