import type { HeaderValue } from '../publisher.ts';
import { type Field, type FieldError, shownName } from './fields.ts';
import { expectedDepth, expectedName, isHeaderName, maxHeaderDepth } from './headers-table.ts';
import { maxEncodedHeaders } from './table-size.ts';
import { decodeUtf8 } from './utf8.ts';

/** Headers that came as fields, each with the field that named it last. */
export interface HeaderFields {
  readonly headers: ReadonlyMap<string, { readonly value: HeaderValue; readonly field: string }>;
  readonly errors: readonly FieldError[];
}

const prefix = 'headers[';

/** Whether a field is one header, or a part of one: `headers[name]`, `headers[name][]`, `headers[name][key]`. */
export function isHeaderField(name: string): boolean {
  return name.startsWith(prefix);
}

/**
 * Puts together what PHP's http_build_query takes apart. Values are strings. Keys that are 0, 1, 2 … make an array, `[]`
 * stands for the next of them, other keys make a table. A later field replaces what it conflicts with.
 *
 * @see https://www.php.net/manual/en/function.http-build-query.php
 */
export function readHeaderFields(fields: readonly Field[]): HeaderFields {
  const errors: FieldError[] = [];
  const root = new Branch();
  const writtenAs = new Map<string, string>();
  for (const { name, value } of fields) {
    const field = shownName(name);
    const keys = splitKeys(name);
    const text = toText(value);
    if (!keys.ok) errors.push({ field, message: keys.message });
    else if (text === undefined) errors.push({ field, message: 'expected UTF-8' });
    else {
      root.set(keys.path, text);
      writtenAs.set(keys.path[0], field);
    }
  }
  const headers = new Map<string, { value: HeaderValue; field: string }>();
  for (const [name, node] of root.entries) {
    headers.set(name, { value: toValue(node), field: writtenAs.get(name) ?? name });
  }
  return { headers, errors };
}

/** Of what is too long for any header no more is decoded than shows that. */
function toText(value: Uint8Array): string | undefined {
  if (value.length <= maxEncodedHeaders) return decodeUtf8(value);
  return new TextDecoder().decode(value.subarray(0, maxEncodedHeaders + 1));
}

type Keys =
  | { readonly ok: true; readonly path: readonly [string, ...string[]] }
  | { readonly ok: false; readonly message: string };

/** The keys between the brackets; an empty one, but for the first, asks for the next index. */
function splitKeys(name: string): Keys {
  const path: string[] = [];
  for (let open = prefix.length - 1; open < name.length; ) {
    const close = name.indexOf(']', open);
    if (name[open] !== '[' || close < 0) return { ok: false, message: 'expected headers[name], headers[name][key] …' };
    if (path.length === maxHeaderDepth) return { ok: false, message: expectedDepth };
    const key = name.slice(open + 1, close);
    if (!isHeaderName(key) && (key !== '' || path.length === 0)) return { ok: false, message: expectedName };
    path.push(key);
    open = close + 1;
  }
  const [first, ...rest] = path;
  return { ok: true, path: [first ?? '', ...rest] };
}

type Node = string | Branch;

/** An array of PHP: a table until it is known that its keys are those of a list. */
class Branch {
  readonly entries = new Map<string, Node>();
  #nextIndex = 0;

  set(path: readonly string[], value: string): void {
    const [written = '', ...rest] = path;
    const index = written === '' ? this.#nextIndex : toIndex(written);
    if (index !== undefined) this.#nextIndex = Math.max(this.#nextIndex, index + 1);
    const key = index === undefined ? written : String(index);
    if (rest.length === 0) {
      this.entries.set(key, value);
      return;
    }
    const existing = this.entries.get(key);
    const child = existing instanceof Branch ? existing : new Branch();
    this.entries.set(key, child);
    child.set(rest, value);
  }

  /** Its elements in order, or `undefined` where the keys are not 0 to n−1. */
  toList(): readonly Node[] | undefined {
    const list: Node[] = [];
    for (let i = 0; i < this.entries.size; i += 1) {
      const node = this.entries.get(String(i));
      if (node === undefined) return undefined;
      list.push(node);
    }
    return list;
  }
}

/** PHP takes a decimal integer for an index. Ours end where `[]` could no longer count on from them. */
function toIndex(key: string): number | undefined {
  return /^(?:0|[1-9]\d{0,14})$/.test(key) ? Number(key) : undefined;
}

function toValue(node: Node): HeaderValue {
  if (typeof node === 'string') return node;
  const list = node.toList();
  if (list !== undefined) return list.map(toValue);
  return new Map(Array.from(node.entries, ([key, child]) => [key, toValue(child)]));
}
