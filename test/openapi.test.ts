import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../src/adapter/process/version.ts';
import { compilePattern } from '../src/config/pattern.ts';
import { routeTable } from '../src/handler/app.ts';
import { propertyTable } from '../src/handler/message/property-table.ts';
import { createOpenApi } from '../src/handler/openapi/document.ts';
import { schemaOf } from '../src/handler/openapi/schema.ts';
import { PROBLEM_TYPES } from '../src/handler/problem.ts';
import { expectDescribed } from './support/described.ts';
import { gatewayForTest } from './support/for-test.ts';
import { GatewayProcess } from './support/gateway.ts';
import { type Answer, http } from './support/http.ts';

const settings = {
  version: VERSION,
  debug: false,
  maxBatch: 10_000,
  xsrfCookies: false,
  maxBodySizeBytes: 12_345,
  origins: [],
};
const PUBLISH = '/{vhost}/{exchange}/{routing_key}';

describe('GET /openapi.json', () => {
  let gateway: GatewayProcess;
  let answer: Answer;
  beforeAll(async () => {
    gateway = await GatewayProcess.start({ http: { max_body_size: 12_345 } });
    answer = await http(gateway.port, '/openapi.json', { method: 'GET' });
  });
  afterAll(() => gateway.stop());

  it('is a valid OpenAPI 3.1 document, made for this configuration and version', async () => {
    const validator = new Validator();
    expect(await validator.validate(JSON.parse(answer.text))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    expect(JSON.parse(answer.text)).toEqual(JSON.parse(JSON.stringify(createOpenApi(settings, routeTable([])))));
    expect(JSON.parse(answer.text).info.version).toBe(VERSION);
    expect(answer.text).toContain('At most 12345 bytes');
  });

  it('has no schema with a word that JSON Schema does not know', () => {
    const { paths, components } = JSON.parse(answer.text);
    const schemas = [...schemasIn(paths), ...Object.values<object>(components.schemas)];
    expect(schemas.length).toBeGreaterThan(100);
    const ajv = new Ajv2020({ strictSchema: true, strictTypes: false, validateFormats: false });
    ajv.addVocabulary(['components']);
    for (const schema of schemas) expect(() => ajv.compile({ ...schema, components })).not.toThrow();
  });

  it('may be kept by nobody', () => {
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('has no other method', async () => {
    const refused = await http(gateway.port, '/openapi.json', { method: 'PUT', body: 'x' });
    // POST is for a vhost of this name.
    expect([refused.status, refused.headers.allow]).toEqual([405, 'GET, POST, HEAD']);
  });

  it('is for operators', async () => {
    const strict = await gatewayForTest({ http: { operations: { allow: ['203.0.113.0/24'] } } });
    const refused = await http(strict.port, '/openapi.json', { method: 'GET' });
    expect([refused.status, refused.problem.type]).toEqual([403, 'urn:statelessd:operations-refused']);
  });
});

describe('the document', () => {
  const { paths, components } = createOpenApi(settings, routeTable([]));
  const publish = JSON.parse(JSON.stringify(paths[PUBLISH]?.post));

  it('names every path that the gateway answers', () => {
    expect(Object.values(paths).flatMap((methods) => Object.keys(methods))).toHaveLength(routeTable([]).length);
  });

  it.each(propertyTable.flatMap(({ names, text }) => names.map((name) => [name, text] as const)))(
    'has the rule for %s in both forms and the query string',
    (name, text) => {
      const rule = schemaOf(text);
      const { content } = publish.requestBody;
      expect(content['application/x-www-form-urlencoded'].schema.properties[name]).toMatchObject(rule);
      expect(content['multipart/form-data'].schema.properties[name]).toMatchObject(rule);
      expect(publish.parameters).toContainEqual({ name, in: 'query', schema: expect.objectContaining(rule) });
    },
  );

  it.each(propertyTable.flatMap(({ names, json }) => names.map((name) => [name, json] as const)))(
    'has the rule for %s in a batch',
    (name, json) => {
      const batch = JSON.parse(JSON.stringify(paths['/{vhost}/{exchange}']?.post));
      const { properties } = batch.requestBody.content['application/json'].schema.items;
      expect(properties[name].anyOf).toContainEqual(schemaOf(json));
    },
  );

  it.each([
    ['priority', ['0', '255', '007'], ['-1', '1000', 'x', '1.5']],
    ['delivery_mode', ['1', '2'], ['0', '3', 'persistent']],
    ['expire', ['0', '4294967295'], ['-1', '1h', '99999999999']],
    ['mandatory', ['true', '0'], ['yes', 'TRUE']],
    ['reply_to', ['queue'], ['amq.rabbitmq.reply-to', 'x'.repeat(256)]],
    ['headers', ['{}'], ['x'.repeat(400_000)]],
    ['app_id', ['x'.repeat(255)], ['x'.repeat(256)]],
  ])('judges %s as the gateway does', (name, valid, invalid) => {
    const ajv = new Ajv2020({ strict: false });
    const judge = ajv.compile(publish.requestBody.content['multipart/form-data'].schema.properties[name]);
    for (const text of valid) expect(judge(text)).toBe(true);
    for (const text of invalid) expect(judge(text)).toBe(false);
  });

  it('names every problem, each with its status', () => {
    const described = JSON.stringify([paths, components.responses]);
    for (const { slug, status } of Object.values(PROBLEM_TYPES)) {
      // Whom 499 stands for has gone, and reads no answer.
      if (slug === 'client-gone') expect(described).not.toContain(slug);
      else
        expect(described).toMatch(new RegExp(`"urn:statelessd:${slug}"[^}]*\\]\\},"status":\\{"const":${status}\\}`));
    }
  });

  it('has the _xsrf field where the configuration wants one', () => {
    const strict = createOpenApi({ ...settings, xsrfCookies: true }, routeTable([]));
    expect(JSON.stringify(strict.paths[PUBLISH])).toContain('"_xsrf":{"type":"string"');
    expect(JSON.stringify(paths)).not.toContain('_xsrf');
  });

  it('has the stack of a problem under debug only', () => {
    const debug = createOpenApi({ ...settings, debug: true }, routeTable([]));
    expect(debug.components.schemas.Problem.properties).toHaveProperty('stack');
    expect(components.schemas.Problem.properties).not.toHaveProperty('stack');
  });

  it('has what browsers ask and are told where pages of other origins may publish', () => {
    const { [PUBLISH]: path } = createOpenApi({ ...settings, origins: ['https://a.example'] }, routeTable([])).paths;
    expect(path?.post?.responses['204']?.headers).toHaveProperty('Access-Control-Allow-Origin');
    expect(path?.options?.responses['204']?.headers).toHaveProperty('Access-Control-Allow-Methods');
    expect(JSON.stringify(paths)).not.toContain('Access-Control');
  });

  it('cannot be made of a rule that nobody has described', () => {
    const even = v.pipe(
      v.number(),
      v.check((value) => value % 2 === 0),
    );
    expect(() => schemaOf(even)).toThrow('check');
  });

  it('has the paths of the configured routes, and says which of them no template can express', () => {
    const rows = [
      ['/publish/(?P<vhost>[^/]+)/([^/]+)/(.*)', 'Publisher'],
      ['/([^/]+)/([^/]+)/([^/]+)', 'Publisher'],
      ['/stats(?:\\.json)?', 'Stats'],
      ['/v1\\.0/stats', 'Stats'],
      ['/v1\\.0/stats', 'Health'],
    ] as const;
    const routes = rows.map(([expression, handler]) => {
      const compiled = compilePattern(expression);
      if (!compiled.ok) throw new Error(compiled.reason);
      return { pattern: compiled.regexp, handler };
    });
    const document = createOpenApi(settings, routeTable(routes));
    expect(Object.keys(document.paths)).toEqual([
      '/static/{name}',
      '/favicon.ico',
      '/publish/{vhost}/{exchange}/{routing_key}',
      PUBLISH,
      '/v1.0/stats',
      '/metrics',
      '/readyz',
      '/openapi.json',
      '/api/exchanges/{vhost}/{exchange}/publish',
      '/{vhost}',
      '/{vhost}/{exchange}',
    ]);
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map((one) => one.operationId),
    );
    expect(ids.slice(0, 8)).toEqual([
      'asset',
      'favicon',
      'publish',
      'publish2',
      'stats',
      'metrics',
      'ready',
      'openApi',
    ]);
    expect(ids.slice(8)).toEqual(['managementPublish', 'publishMany', 'publishMany2']);
    expect(document.info.description).toContain('stats(?:\\.json)?');
  });
});

describe('an answer of which the document is silent fails the test that got it', () => {
  const ready = { ready: true, draining: false, broker: 'connected', blocked: null, unreachable: [], reason: 'ready' };
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store', 'x-request-id': 'r' };
  const exchange = { method: 'GET', target: '/readyz', status: 200, headers, text: JSON.stringify(ready) };

  it.each([
    ['a status', { status: 201 }, /201 .*GET \/readyz: it has no such status/],
    ['a missing header', { headers: { ...headers, 'x-request-id': undefined } }, /header x-request-id is missing/],
    ['a header', { headers: { ...headers, 'x-new': '1' } }, /header x-new is not named/],
    [
      'the value of a header',
      { headers: { ...headers, 'cache-control': 'private' } },
      /header cache-control .*no-store/,
    ],
    ['a content type', { headers: { ...headers, 'content-type': 'text/plain' } }, /text\/plain, not application\/json/],
    ['a missing member', { text: '{"ready":true}' }, /body must have required property 'draining'/],
    ['a member', { text: JSON.stringify({ ...ready, more: 1 }) }, /"unevaluatedProperty":"more"/],
    ['the value of a member', { text: JSON.stringify({ ...ready, broker: 'gone' }) }, /body\/broker must be equal to/],
  ])('%s', (_, change, message) => {
    expect(() => expectDescribed(exchange)).not.toThrow();
    expect(() => expectDescribed({ ...exchange, ...change })).toThrow(message);
  });
});

/** Every schema of the paths: what stands under `schema`. */
function schemasIn(part: unknown): object[] {
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part).flatMap(([name, value]: [string, unknown]) =>
    name === 'schema' && typeof value === 'object' && value !== null ? [value] : schemasIn(value),
  );
}
