import { Hono } from 'hono';
import { type AppContext, type Bindings, isOperator, targetOf } from './bindings.ts';
import { answerOrigins } from './cors.ts';
import type { Log } from './log.ts';
import type { OpenApiSettings } from './openapi/document.ts';
import { operatorsFault } from './origin.ts';
import { outcomeOf, problem, problemOf, withStack } from './problem.ts';
import type { Publisher } from './publisher.ts';
import type { ReadinessSource } from './readiness.ts';
import { requestIdOf } from './request-id.ts';
import { METHOD_NOT_ALLOWED, type Route, TableRouter } from './router.ts';
import { type Assets, assetRoute, dashboardRoute, faviconRoute } from './routes/dashboard.ts';
import { healthRoute, readyRoute } from './routes/health.ts';
import { logFailure } from './routes/log-failure.ts';
import { managementPublishRoute } from './routes/management-publish.ts';
import { openApiRoute } from './routes/openapi.ts';
import { publishRoute } from './routes/publish.ts';
import { type PublishManySettings, publishManyRoute } from './routes/publish-many.ts';
import { metricsRoute, statsRoute } from './routes/stats.ts';
import type { StatsSource } from './stats.ts';
import { decodedByProxy, expectedVhost, splitTarget } from './target.ts';
import { OneAtATime } from './turns.ts';

export interface AppDeps {
  readonly publisher: Publisher;
  readonly stats: StatsSource;
  readonly readiness: ReadinessSource;
  readonly assets: Assets;
  readonly settings: PublishManySettings &
    OpenApiSettings & {
      /** Rows of the configuration's `Routes`, which come before the built-in ones; see `routeTable`. */
      readonly routes: readonly Route[];
    };
  readonly log: Log;
}

type AppRoute = (c: AppContext) => Response | Promise<Response>;

/** The gateway as a Web handler: `app.fetch(request, bindings)`. */
export function createApp({
  publisher,
  stats,
  readiness,
  assets,
  settings,
  log,
}: AppDeps): Hono<{ Bindings: Bindings }> {
  const table = routeTable(settings.routes);
  const app = new Hono<{ Bindings: Bindings }>({
    router: new TableRouter(table),
    getPath: (request, options) => {
      const target = splitTarget(targetOf(request, options?.env));
      return target.ok ? target.path : '';
    },
  });

  app.post('/Publisher', publishRoute(publisher, settings, log));
  const longTexts = new OneAtATime();
  app.post('/ManagementPublish', managementPublishRoute(publisher, settings, log, longTexts));
  app.post('/PublishMany', publishManyRoute(publisher, settings, log, longTexts));
  const forOperators = (route: AppRoute): AppRoute => operatorsOnly(route, settings.hosts);
  app.get('/Stats', forOperators(statsRoute(stats)));
  app.get('/Metrics', forOperators(metricsRoute(stats)));
  app.get('/Dashboard', forOperators(dashboardRoute(assets)));
  app.get('/Asset', forOperators(assetRoute(assets)));
  app.get('/Favicon', forOperators(faviconRoute(assets)));
  app.get('/Health', healthRoute());
  app.get('/Ready', readyRoute(readiness, settings.hosts));
  app.get('/OpenApi', forOperators(openApiRoute(settings, table)));

  app.all(`/${METHOD_NOT_ALLOWED}`, (c) => {
    const allow = c.req.param('allow') ?? '';
    return logged(c, log, problem('method-not-allowed', { requestId: requestIdOf(c), headers: { Allow: allow } }));
  });
  app.notFound((c) => logged(c, log, nothingThere(c)));
  app.onError((error, c) => {
    const requestId = requestIdOf(c);
    log('error', 'a request failed for a reason that is a bug', { request_id: requestId, error: String(error.stack) });
    return problem('internal', { requestId, published: 'unknown', error });
  });
  if (settings.debug) showStacks(app);
  if (settings.origins.length > 0) answerOrigins(app, settings.origins);
  return app;
}

const EXPECTED_PATH =
  'a message goes to /<vhost>/<exchange>/<routing key>, a batch to fewer parts; a / within a part is written %2f, and ' +
  decodedByProxy;

function showStacks(app: Hono<{ Bindings: Bindings }>): void {
  const { fetch } = app;
  app.fetch = async (...request) => withStack(await fetch(...request));
}

/** The page's assets, which come before the table. Part of a name is no `.` or `..`, nor a hidden file. */
const ASSETS: Route = { pattern: /^\/static\/((?:[\w-][\w.-]*\/)*[\w-][\w.-]*)$/, handler: 'Asset' };

/** Browsers ask for it at this path, whatever the page says. A vhost of that name keeps its POSTs. */
const FAVICON: Route = { pattern: /^\/favicon\.ico$/, handler: 'Favicon' };

/** The paths of the contract. Empty segments match where their absence deserves a better answer than 404. */
const BUILT_IN: readonly Route[] = [
  { pattern: /^\/metrics$/, handler: 'Metrics' },
  { pattern: /^\/healthz$/, handler: 'Health' },
  { pattern: /^\/readyz$/, handler: 'Ready' },
  { pattern: /^\/openapi\.json$/, handler: 'OpenApi' },
  { pattern: /^\/api\/exchanges\/([^/]*)\/([^/]*)\/publish\/?$/, handler: 'ManagementPublish' },
  { pattern: /^\/([^/]+)$/, handler: 'PublishMany' },
  { pattern: /^\/([^/]+)\/([^/]*)$/, handler: 'PublishMany' },
];

const DEFAULT: readonly Route[] = [
  { pattern: /^\/([^/]*)\/([^/]*)\/([^/]*)$/, handler: 'Publisher' },
  { pattern: /^\/stats$/, handler: 'Stats' },
  { pattern: /^\/$/, handler: 'Dashboard' },
];

/** The page's assets, then the configured table or the default one, and then the built-in paths of handlers that it does not name. */
export function routeTable(configured: readonly Route[]): Route[] {
  const table = configured.length > 0 ? configured : DEFAULT;
  const named = new Set(table.map(({ handler }) => handler));
  return [
    ASSETS,
    FAVICON,
    ...table.map((route) => ({ ...route, lastMayBeEmpty: route.handler === 'Publisher' })),
    ...BUILT_IN.filter(({ handler }) => !named.has(handler)),
  ];
}

function nothingThere(c: AppContext): Response {
  const requestId = requestIdOf(c);
  const target = splitTarget(targetOf(c.req.raw, c.env));
  if (!target.ok) return problem('malformed-request', { requestId, detail: target.message });
  if (target.path.startsWith('//')) return problem('malformed-request', { requestId, detail: expectedVhost });
  return problem('no-such-path', { requestId, ...(c.req.method === 'POST' && { detail: EXPECTED_PATH }) });
}

/** A message that was posted to a path where none is published deserves a line, as any that is not published. */
function logged(c: AppContext, log: Log, refusal: Response): Response {
  if (c.req.method !== 'POST') return refusal;
  const requestId = problemOf(refusal)?.body.request_id ?? '';
  logFailure(log, c, { requestId, addressed: { ok: false }, status: refusal.status, outcome: outcomeOf(refusal) });
  return refusal;
}

/** What is for operators, and for no page of another site: neither as its own, nor as a part of it. */
function operatorsOnly(route: AppRoute, hosts: readonly string[]): AppRoute {
  return async (c) => {
    if (!isOperator(c)) return problem('operations-refused', { requestId: requestIdOf(c) });
    const detail = operatorsFault(c, hosts);
    if (detail !== undefined) return problem('cross-site', { requestId: requestIdOf(c), detail });
    const response = await route(c);
    if (!response.ok) return response;
    response.headers.set('Cross-Origin-Resource-Policy', 'same-origin');
    response.headers.set('X-Content-Type-Options', 'nosniff');
    return response;
  };
}
