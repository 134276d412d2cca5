import { type ConversionConfig, type JsonSchema, toJsonSchema, toJsonSchemaDefs } from '@valibot/to-json-schema';
import type { GenericSchema } from 'valibot';

/** A schema as an OpenAPI 3.1 document has it: JSON Schema 2020-12. */
export type Schema = Omit<JsonSchema, '$schema'>;

/** Of what a schema accepts, and not of what it makes of that. */
const CONVERSION: ConversionConfig = {
  target: 'draft-2020-12',
  typeMode: 'input',
  ignoreActions: ['readonly'],
  // JSON Schema has no word for code. A check stands behind metadata that tells what it wants.
  overrideAction: ({ valibotAction: { type }, jsonSchema }) =>
    (type === 'check' || type === 'raw_check') && jsonSchema.description !== undefined ? jsonSchema : undefined,
  overrideSchema: ({ valibotSchema: { type }, jsonSchema }) =>
    type === 'loose_object' ? { ...jsonSchema, additionalProperties: true } : undefined,
  overrideRef: ({ referenceId }) => refTo(referenceId),
};

/** Where a schema of the document's components stands. */
export const refTo = (name: string): string => `#/components/schemas/${name}`;

/**
 * The JSON Schema of what a valibot schema accepts. It throws where the schema has something that JSON Schema cannot
 * say and no metadata describes: a document must not be silent about a rule.
 */
export function schemaOf(schema: GenericSchema): Schema {
  const { $schema: _, ...converted } = toJsonSchema(schema, CONVERSION);
  return converted;
}

/** Schemas of the document's components, which refer to one another. */
export function definitionsOf<Name extends string>(schemas: Record<Name, GenericSchema>): Record<Name, Schema> {
  return toJsonSchemaDefs(schemas, CONVERSION);
}
