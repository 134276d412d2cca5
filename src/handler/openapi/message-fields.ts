import { maxFields } from '../message/fields.ts';
import { propertyTable } from '../message/property-table.ts';
import type { Parameter } from './operation.ts';
import { type Schema, schemaOf } from './schema.ts';

/** The properties of a message as texts, under each of their names. */
function propertyFields(): Record<string, Schema> {
  const named = propertyTable.flatMap(({ names, text }) => {
    const schema = schemaOf(text);
    return names.map((name, index) => [name, index === 0 ? schema : { ...schema, title: `the same as ${names[0]}` }]);
  });
  return Object.fromEntries(named);
}

/** The properties of a message with JSON's types, under each of their names. */
export function jsonProperties(): Record<string, Schema> {
  return Object.fromEntries(
    propertyTable.flatMap(({ names, json }) => {
      const schema = schemaOf(json);
      return names.map((name) => [name, { anyOf: [schema, NOTHING] }]);
    }),
  );
}

const NOTHING: Schema = { enum: [null, ''], description: 'states nothing' };

/** The query string's properties. */
export function queryParameters(): Parameter[] {
  return Object.entries(propertyFields()).map(([name, schema]) => ({ name, in: 'query', schema }));
}

/** The forms that a message may come in, its body being a field. */
export function messageForms(xsrfCookies: boolean): Record<string, { schema: Schema }> {
  const formOf = (body: Schema): { schema: Schema } => ({
    schema: {
      type: 'object',
      description:
        'An empty property is an absent one, a `-` in its name equals `_`, of a repeated field the last one wins, ' +
        'ASCII white space around a number, a date or a word is no part of it, unknown fields are ignored unless their ' +
        `names only resemble one of these. At most ${maxFields} fields, with those of the query string.`,
      required: ['body'],
      properties: {
        body: { ...body, description: 'the body of the message, byte by byte; it may be empty' },
        ...propertyFields(),
        ...(xsrfCookies && { _xsrf: XSRF }),
      },
      patternProperties: { '^headers\\[': HEADER_FIELD },
    },
  });
  return {
    'application/x-www-form-urlencoded': formOf({ type: 'string' }),
    'multipart/form-data': formOf({ contentMediaType: 'application/octet-stream' }),
  };
}

const HEADER_FIELD: Schema = {
  type: 'string',
  description:
    "headers[name]=value, as PHP's http_build_query writes nested arrays: `headers[a][]` makes an array, " +
    '`headers[a][b]` a table. Such fields may stand in the query string, too.',
};

const XSRF: Schema = {
  type: 'string',
  description:
    'required: what the cookie _xsrf says; it may stand in the query string or in the header X-XSRFToken instead',
};
