import * as v from 'valibot';
import {
  encodedTableSize,
  expectedRoutingKeys,
  expectedSize,
  findBadRoutingKeys,
  maxEncodedHeaders,
  maxHeaderDepth,
  toHeaderTable,
} from './headers-table.ts';
import { maxShortString } from './utf8.ts';

const arrayOfStrings = { type: 'array', items: { type: 'string' } };

const arrayOfTables = { type: 'array', items: { type: 'object', description: 'its count is an integer' } };

/** What JSON Schema can say of the rules below. */
const inJsonSchema = {
  type: 'object',
  description:
    'numbers are finite, integers within ±(2^53−1), fractions within ±2^50; ' +
    `at most ${maxHeaderDepth} levels; at most 64 KiB in AMQP's encoding`,
  propertyNames: { minLength: 1, maxLength: maxShortString },
  properties: { CC: arrayOfStrings, BCC: arrayOfStrings, 'x-death': arrayOfTables },
};

/** The headers of a message as a JSON value. */
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
      return JSON.parse(dataset.value);
    } catch {
      addIssue({ message: 'expected a JSON object, found broken JSON' });
      return NEVER;
    }
  }),
  headersOfJson,
);
