/** One field of a form or of a query string, in the order in which it came. Fields may repeat. */
export interface Field {
  /** As the client wrote it, decoded. */
  readonly name: string;
  /** The bytes behind it, decoded as the form asks and not as text: a message body is a field's value. */
  readonly value: Uint8Array;
  /** The value is still percent-encoded: it is long, and `decodeInTurns` decodes it if it is wanted. */
  readonly encoded?: true;
}

/** What is wrong with one field; `field` is its name as the client wrote it. */
export interface FieldError {
  readonly field: string;
  /** What was expected, to stand after the field's name. */
  readonly message: string;
}

/** Why fields cannot be told apart; `field` where one of them is to blame, and its name can be read. */
export interface FieldsFault {
  readonly message: string;
  readonly field?: string;
}

export type ParsedFields =
  | { readonly ok: true; readonly fields: readonly Field[] }
  | ({ readonly ok: false } & FieldsFault);

/** Most fields of a request, form and query string together. It bounds the time that reading them takes. */
export const maxFields = 256;

export const tooManyFields: ParsedFields = { ok: false, message: `more than ${maxFields} fields` };

/** The last field of that name: the last one wins. */
export function lastOf(fields: readonly Field[], name: string): Field | undefined {
  return fields.findLast((field) => field.name === name);
}

const maxShownName = 300;

/** A field's name for an error: whole where it is of a sane length, else its beginning. */
export function shownName(name: string): string {
  return name.length <= maxShownName ? name : `${name.slice(0, maxShownName)}…`;
}
