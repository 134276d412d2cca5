import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { VERSION } from '../../src/adapter/process/version.ts';
import { routeTable } from '../../src/handler/app.ts';
import { createOpenApi } from '../../src/handler/openapi/document.ts';
import type { Answer as DescribedAnswer, Parameter } from '../../src/handler/openapi/operation.ts';
import type { Schema } from '../../src/handler/openapi/schema.ts';
import { splitTarget } from '../../src/handler/target.ts';

/** What the gateway's OpenAPI document is held against. */
export interface Exchange {
  readonly method: string;
  /** The request target, as it went out. */
  readonly target: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

const { paths, components } = createOpenApi(
  {
    version: VERSION,
    maxBodySizeBytes: 10 * 1024 * 1024,
    maxBatch: 10_000,
    // What some configurations add to answers.
    debug: true,
    xsrfCookies: true,
    origins: ['https://app.example'],
  },
  routeTable([]),
);

const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { parameters = [], responses }]) => ({
    name: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    pattern: new RegExp(
      `^${path.replaceAll('.', '\\.').replace(/\{(\w+)\}/g, (_, name) => segmentOf(name, parameters))}$`,
    ),
    answers: new Map(Object.entries(responses)),
  })),
);

/** What a path has in a parameter's place. */
function segmentOf(name: string, parameters: readonly Parameter[]): string {
  const { pattern, minLength } = parameters.find((each) => each.name === name)?.schema ?? {};
  return pattern?.slice(1, -1) ?? (minLength ? '[^/]+' : '[^/]*');
}

/** Answers to what is no operation of the document, or is one under another path that a configuration gave it. */
const elsewhere: readonly (readonly [string, DescribedAnswer])[] = [
  ...Object.entries(components.responses).map(([name, answer]) => [name.replace('elsewhere-', ''), answer] as const),
  ...operations.flatMap(({ answers }) => [...answers]),
];

/** Throws where an answer is not as the gateway's OpenAPI document describes it. */
export function expectDescribed(exchange: Exchange): void {
  const { method, target, status } = exchange;
  if (isOfNginx(exchange)) return;
  const split = splitTarget(target);
  const path = split.ok ? split.path : target;
  const asked = method === 'HEAD' ? 'GET' : method;
  const operation = operations.find((each) => each.method === asked && each.pattern.test(path));
  const candidates = operation
    ? [operation.answers.get(String(status))].filter((answer) => answer !== undefined)
    : elsewhere.filter(([each]) => each === String(status)).map(([, answer]) => answer);
  const faults = candidates.map((answer) => differences(exchange, answer));
  if (faults.some((found) => found.length === 0)) return;
  const what = faults[0]?.join('; ') ?? 'it has no such status there';
  throw new Error(
    `${method} ${target}: the answer ${status} is not what /openapi.json says of ${operation?.name ?? 'other requests'}: ${what}`,
  );
}

/** nginx has errors of its own: its pages, and what config/nginx.conf says where no backend answers. */
const isOfNginx = ({ headers, status, text }: Exchange): boolean =>
  String(headers.server).startsWith('nginx') &&
  status >= 400 &&
  (text.startsWith('<html>') || text.includes('"type":"about:blank"'));

/** Headers of HTTP itself and of a proxy, of which the document is silent. */
const HTTP_OWN = /^(?:connection|content-(?:length|type)|date|keep-alive|server|transfer-encoding)$/;

function differences(exchange: Exchange, described: DescribedAnswer): string[] {
  const faults: string[] = [];
  const named = new Map(Object.entries(described.headers).map(([name, header]) => [name.toLowerCase(), header]));
  for (const name of Object.keys(exchange.headers))
    if (!HTTP_OWN.test(name) && !named.has(name)) faults.push(`the header ${name} is not named`);
  for (const [name, { required, schema }] of named) {
    const value = exchange.headers[name];
    if (value === undefined && required) faults.push(`the header ${name} is missing`);
    else if (value !== undefined) {
      const read = schema.type === 'integer' ? Number(value) : value;
      faults.push(...mismatches(read, schema, `header ${name}`));
    }
  }
  return [...faults, ...bodyDifferences(exchange, described)];
}

function bodyDifferences(exchange: Exchange, described: DescribedAnswer): string[] {
  const { content } = described;
  const { method, text } = exchange;
  const mediaType = mediaTypeOf(exchange);
  if (described['x-may-be-empty'] && text === '' && mediaType === '') return [];
  if (content === undefined) return text === '' && mediaType === '' ? [] : ['it has a body'];
  const schema = (content[mediaType] ?? content['*/*'])?.schema;
  if (schema === undefined) return [`its type is ${mediaType || 'missing'}, not ${Object.keys(content).join(' or ')}`];
  if (method === 'HEAD') return text === '' ? [] : ['an answer to HEAD has a body'];
  return mismatches(mediaType.endsWith('json') ? JSON.parse(text) : text, schema, 'body');
}

const mediaTypeOf = ({ headers }: Exchange): string => String(headers['content-type'] ?? '').replace(/;.*/, '');

const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
const compiled = new WeakMap<Schema, ValidateFunction>();

/** A client must not mind what it does not know; this one minds, for the document shall name all there is. */
function mismatches(value: unknown, schema: Schema, what: string): string[] {
  const closed: Record<string, unknown> = { ...schema, components, unevaluatedProperties: false };
  const validate = compiled.get(schema) ?? ajv.compile(closed);
  compiled.set(schema, validate);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${what}${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}
