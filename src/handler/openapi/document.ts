import type { Route } from '../router.ts';
import { componentSchemas } from './components.ts';
import { managementPublishOperation } from './management-publish.ts';
import type { Answers, HandlerOperation, Operation } from './operation.ts';
import { preflight, readable } from './origins.ts';
import { asset, dashboard, favicon, health, openApi, readiness } from './pages.ts';
import { elsewhere } from './problems.ts';
import { type PublishLimits, publishOperation } from './publish.ts';
import { type BatchLimits, publishManyOperation } from './publish-many.ts';
import { metrics, stats } from './stats.ts';
import { templateOf } from './template.ts';

export interface OpenApiSettings extends PublishLimits, BatchLimits {
  /** The package's. */
  readonly version: string;
  /** Problems carry the stack of what went wrong. */
  readonly debug: boolean;
  /** Web origins whose pages may publish. */
  readonly origins: readonly string[];
}

export type OpenApiDocument = ReturnType<typeof createOpenApi>;

/** What is documented, by the names that the route table has for it. */
const OPERATIONS: Readonly<Record<string, (settings: OpenApiSettings) => HandlerOperation>> = {
  Publisher: publishOperation,
  PublishMany: publishManyOperation,
  ManagementPublish: managementPublishOperation,
  Stats: stats,
  Metrics: metrics,
  Dashboard: dashboard,
  Asset: asset,
  Favicon: favicon,
  Health: health,
  Ready: readiness,
  OpenApi: openApi,
};

/**
 * The contract as an OpenAPI 3.1 document, made of the schemas that judge what comes and that type what goes. Its paths
 * are those of the route table in use; rows that no path template can express are listed in its description.
 */
export function createOpenApi(settings: OpenApiSettings, routes: readonly Route[]) {
  const { paths, others } = pathsOf(settings, routes);
  return {
    openapi: '3.1.1',
    info: {
      title: 'statelessd',
      version: settings.version,
      summary: 'An HTTP to AMQP publishing gateway',
      description: [DESCRIPTION, ...(others.length > 0 ? [OTHERS, ...others] : [])].join('\n\n'),
      license: { name: 'MIT', identifier: 'MIT' },
    },
    paths,
    components: {
      schemas: componentSchemas(settings.debug),
      responses: Object.fromEntries(
        Object.entries(answersOf(elsewhere(), settings)).map(([status, answer]) => [`elsewhere-${status}`, answer]),
      ),
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic', description: "The user and password are RabbitMQ's, in UTF-8." },
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: "A token that RabbitMQ's OAuth 2 backend accepts; as the password of basic it is the same.",
        },
      },
    },
  };
}

const DESCRIPTION =
  '204 means: the broker has confirmed this message. Errors are problem documents (RFC 9457) that say in `published` ' +
  'whether the message may have been published all the same; the header `Statelessd-Error` says so in short. A request ' +
  'that matches none of these paths, or has another method, is answered with one of the responses `elsewhere-…` of the ' +
  'components. Nothing ever redirects.';

const OTHERS = 'The configuration has routes, too, that a path template cannot express:';

type Paths = Record<string, Record<string, Operation>>;

/** The first row that has a path and a method is the one that answers. */
function pathsOf(settings: OpenApiSettings, routes: readonly Route[]): { paths: Paths; others: readonly string[] } {
  const paths: Paths = {};
  const others: string[] = [];
  const ids = new Map<string, number>();
  for (const { pattern, handler } of routes) {
    const described = OPERATIONS[handler]?.(settings);
    if (described === undefined) continue;
    const { method, operation, template = templateOf(pattern, described.path, described.optional) } = described;
    if (template === undefined) others.push(`\`${pattern.source}\`: ${operation.summary}.`);
    else if (paths[template]?.[method] === undefined) {
      const operationId = unique(operation.operationId, ids);
      const inPath = described.path.filter(({ name }) => template.includes(`{${name}}`));
      const parameters = [...inPath, ...(operation.parameters ?? [])];
      const isPost = method === 'post';
      const responses = isPost ? answersOf(operation.responses, settings) : operation.responses;
      paths[template] = {
        ...paths[template],
        [method]: { ...operation, operationId, parameters, responses },
        ...(isPost && settings.origins.length > 0 && { options: preflight(operationId) }),
      };
    }
  }
  return { paths, others };
}

/** The answers to a POST. */
const answersOf = (answers: Answers, { origins }: OpenApiSettings): Answers =>
  origins.length > 0 ? readable(answers) : answers;

/** The id, numbered from its second use on. */
function unique(id: string, uses: Map<string, number>): string {
  const use = (uses.get(id) ?? 0) + 1;
  uses.set(id, use);
  return use === 1 ? id : `${id}${use}`;
}
