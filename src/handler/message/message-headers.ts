import type { HeaderTable, HeaderValue } from '../publisher.ts';
import type { CloudEvent } from './cloud-events.ts';
import type { Field, FieldError } from './fields.ts';
import { readHeaderFields } from './header-fields.ts';
import { expectedRoutingKeys, findBadRoutingKeys } from './headers-table.ts';
import { encodedTableSize, expectedSize, maxEncodedHeaders } from './table-size.ts';
import { decodeByteString } from './utf8.ts';
import { deathHeader, findBadDeaths, withIntegerCounts } from './x-death.ts';

/** The request headers of W3C Trace Context. @see https://www.w3.org/TR/trace-context/ */
export interface TraceContext {
  readonly traceparent?: string | null;
  readonly tracestate?: string | null;
}

/**
 * Adds to a message's headers what stands elsewhere than in `headers`: `headers[name]` fields, a later source's in
 * place of an earlier one's of that name, and, unless the message names them itself, those of the trace context and of
 * an event. What is wrong goes to `errors`.
 *
 * @param stated the headers that the message states, judged already
 * @returns all of them, `undefined` for none
 */
export function completeHeaders(
  stated: Map<string, HeaderValue> | undefined,
  fields: readonly (readonly Field[])[],
  { traceparent, tracestate }: TraceContext,
  event: CloudEvent | undefined,
  errors: FieldError[],
): Map<string, HeaderValue> | undefined {
  if (fields.length === 0 && !traceparent && !tracestate && !event) {
    if (stated !== undefined) judgeDeaths(stated, 'headers', errors);
    return stated;
  }
  const headers = stated ?? new Map<string, HeaderValue>();
  const writtenAs = addFields(headers, fields, errors);
  judgeDeaths(headers, writtenAs.get(deathHeader) ?? 'headers', errors);
  addTrace(headers, 'traceparent', traceparent);
  addTrace(headers, 'tracestate', tracestate);
  for (const [name, value] of event?.headers ?? []) if (!headers.has(name)) headers.set(name, value);
  if (encodedTableSize(headers) > maxEncodedHeaders) errors.push({ field: 'headers', message: expectedSize });
  return headers.size > 0 ? headers : stated;
}

function judgeDeaths(headers: HeaderTable, field: string, errors: FieldError[]): void {
  for (const message of findBadDeaths(headers)) errors.push({ field, message });
}

/** @returns the field that named each header last */
function addFields(
  headers: Map<string, HeaderValue>,
  sources: readonly (readonly Field[])[],
  errors: FieldError[],
): ReadonlyMap<string, string> {
  const writtenAs = new Map<string, string>();
  for (const fields of sources) {
    const read = readHeaderFields(fields);
    errors.push(...read.errors);
    for (const [name, { value, field }] of read.headers) {
      headers.set(name, name === deathHeader ? withIntegerCounts(value) : value);
      writtenAs.set(name, field);
    }
  }
  for (const name of findBadRoutingKeys(headers)) {
    const field = writtenAs.get(name);
    if (field !== undefined) errors.push({ field, message: expectedRoutingKeys });
  }
  return writtenAs;
}

/** A trace context is advice to whoever watches: one that is not UTF-8 is left out, and the message goes on. */
function addTrace(headers: Map<string, HeaderValue>, name: string, value: string | null | undefined): void {
  const text = value ? decodeByteString(value) : undefined;
  if (text !== undefined && !headers.has(name)) headers.set(name, text);
}
