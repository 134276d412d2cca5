import * as v from 'valibot';
import { expectedRoutingKeys, findBadRoutingKeys, maxHeaderDepth, toHeaderTable } from './headers-table.ts';
import { encodedTableSize, expectedSize, maxEncodedHeaders } from './table-size.ts';
import { maxShortString } from './utf8.ts';
import { markNumbers } from './written-numbers.ts';

const arrayOfStrings = { type: 'array', items: { type: 'string' } };

const arrayOfTables = { type: 'array', items: { type: 'object', description: 'its count is an integer' } };

/** What JSON Schema can say of the rules below. */
const inJsonSchema = {
  type: 'object',
  description:
    'integers are within ±(2^53−1) and sent with 32 or 64 bits; what is written with a point or an exponent is sent as a ' +
    'double. {"$numberLong": "5"}, {"$numberInt": "5"}, {"$numberDouble": "2.0"}, {"$numberDecimal": "1.25"}, ' +
    '{"$date": "2013-03-04T05:06:07Z"} and {"$binary": {"base64": "AAE="}} (MongoDB’s Extended JSON) say their type; ' +
    `at most ${maxHeaderDepth} levels; at most 64 KiB in AMQP's encoding`,
  propertyNames: { minLength: 1, maxLength: maxShortString },
  properties: { CC: arrayOfStrings, BCC: arrayOfStrings, 'x-death': arrayOfTables },
};

/** The headers of a message as a JSON value, with or without marked numbers. */
export const headersOfJson = v.pipe(
  v.unknown(),
  v.metadata(inJsonSchema),
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

/** The same as JSON text. */
export const headersOfText = v.pipe(
  v.string('expected a JSON object'),
  v.metadata({ contentMediaType: 'application/json', contentSchema: inJsonSchema }),
  v.maxLength(maxHeadersJson, expectedSize),
  v.rawTransform(({ dataset, addIssue, NEVER }): unknown => {
    try {
      const json: unknown = JSON.parse(dataset.value);
      return markNumbers(dataset.value) ?? json;
    } catch {
      addIssue({ message: 'expected a JSON object, found broken JSON' });
      return NEVER;
    }
  }),
  headersOfJson,
);
