import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import { createApp } from '../handler/app.ts';
import type { LogLevel, Logs } from '../handler/log.ts';
import type { Readiness } from '../handler/readiness.ts';
import type { BackendStats } from '../handler/stats.ts';
import { BrokerHosts } from './amqp/broker-hosts.ts';
import { BrokerProbe } from './amqp/broker-probe.ts';
import { Connections } from './amqp/connections.ts';
import { mergeLatencies, summarize } from './amqp/latency.ts';
import type { LinkOptions } from './amqp/link.ts';
import type { ConnectionsSnapshot } from './amqp/statistics.ts';
import { type BuiltInAssets, FileAssets } from './http/assets.ts';
import { AddressSet } from './http/client-address.ts';
import { loggedTarget } from './http/logged-target.ts';
import { type Fetch, HttpServer } from './http/server.ts';
import { connectionsWithin, DescriptorWatch, maxDescriptors } from './process/descriptors.ts';
import { EventLoopWatch } from './process/event-loop.ts';
import type { Keys } from './process/keys.ts';
import { ownNames } from './process/own-names.ts';
import { processStats, RequestCounters } from './process/process-stats.ts';
import { VERSION } from './process/version.ts';
import type { Snapshot, Survey } from './statistics/snapshot.ts';
import { statsSource } from './statistics/source.ts';
import { LoginThrottle } from './throttle/login-throttle.ts';
import type { Throttle } from './throttle/throttle.ts';

/** Which backend of an installation this is. */
export interface Slot {
  /** The port it listens on, or the path of its Unix socket. */
  readonly port: number | string;
  readonly worker: number;
}

export interface GatewayOptions {
  readonly slot: Slot;
  /** The page at `/` and its files. */
  readonly builtInAssets: BuiltInAssets;
  readonly logs: Logs;
  /** Asks all backends of the installation; without it, this one is all there is. */
  readonly survey?: (own: Snapshot) => Promise<Survey>;
  /** That of the installation; without it, this process has its own. */
  readonly throttle?: Throttle;
}

/** An idle client connection may bring a request for so long after a stop was asked for. */
const STOP_GRACE_MS = 1_000;

/** What has no outcome so long before all ends is given one, for its client to be told. */
const LAST_ANSWERS_MS = 200;

/** One backend: the portable handler, the connection map that publishes for it, and the server that runs it. */
export class Gateway {
  readonly #config: Config;
  readonly #connections: Connections;
  readonly #hosts: BrokerHosts;
  readonly #probe: BrokerProbe;
  readonly #server: HttpServer;
  readonly #requests = new RequestCounters();
  readonly #eventLoop = new EventLoopWatch();
  readonly #descriptors: DescriptorWatch;
  readonly #slot: Slot;
  /** The handler, without the server around it. */
  readonly fetch: Fetch;
  #draining = false;
  #cutAt = Number.POSITIVE_INFINITY;
  #ended: Promise<void> | undefined;

  constructor(config: Config, keys: Keys, { slot, builtInAssets, logs, survey, throttle }: GatewayOptions) {
    const { application, httpServer } = config;
    const { rabbitmq, publishing } = application;
    this.#hosts = new BrokerHosts(rabbitmq.hosts, logs.broker);
    const link = linkOptions(config, keys, slot, this.#hosts);
    this.#config = config;
    this.#slot = slot;
    this.#connections = new Connections(
      {
        session: { link, maxInFlight: publishing.maxInFlight },
        credentialsTtlMs: rabbitmq.credentialsTtlMs,
        maxConnections: rabbitmq.maxConnections,
        maxWaitMs: publishing.publishTimeoutMs / 2,
        maxHeldMessages: publishing.maxHeldMessages,
        maxHeldBytes: publishing.maxHeldBytes,
        idleTimeoutMs: rabbitmq.idleTimeoutMs,
        loginTimeoutMs: publishing.publishTimeoutMs,
        loopbackUsers: rabbitmq.loopbackUsers,
      },
      logs,
      throttle ?? new LoginThrottle(),
    );
    this.#probe = new BrokerProbe(link, () => this.#connections.connected);
    const app = createApp({
      publisher: this.#connections,
      stats: statsSource(() => this.snapshot(), survey),
      readiness: () => this.#readiness(),
      assets: new FileAssets(builtInAssets, application.paths),
      settings: {
        ...publishing,
        origins: httpServer.origins,
        hosts: [...httpServer.hosts, ...ownNames()],
        xsrfCookies: application.xsrfCookies,
        maxBodySizeBytes: httpServer.maxBodySizeBytes,
        routes: (config.routes ?? []).map(({ regexp, handler }) => ({
          pattern: regexp,
          handler,
        })),
        debug: application.debug,
        version: VERSION,
      },
      log: logs.gateway,
    });
    const descriptors = maxDescriptors();
    this.#descriptors = new DescriptorWatch(() => logs.gateway('error', 'out of file descriptors', { descriptors }));
    const maxConnections = Math.min(httpServer.maxConnections, connectionsWithin(descriptors, rabbitmq.maxConnections));
    if (maxConnections < httpServer.maxConnections)
      logs.gateway('warning', 'too few file descriptors for HTTPServer.max_connections', {
        max_connections: maxConnections,
        descriptors,
      });
    this.fetch = (request, bindings) => app.fetch(request, bindings);
    this.#server = new HttpServer(
      this.fetch,
      {
        ...httpServer,
        maxConnections,
        onAcceptFailed: () => this.#descriptors.check(),
        ...(keys.httpServer && { tls: { ...keys.httpServer, clientCert: httpServer.tls?.clientCert ?? 'none' } }),
        trust: {
          xheaders: httpServer.xheaders,
          proxies: new AddressSet(httpServer.trustedProxies),
          unixSocket: typeof slot.port === 'string',
        },
        operators: new AddressSet(httpServer.operations.allow),
      },
      ({ method, status, milliseconds, target, client, notPublished }) => {
        this.#requests.add(method, status, milliseconds);
        logs.access(levelOf(status), 'answered', () => ({
          status,
          method,
          target: target === undefined ? undefined : loggedTarget(target),
          client,
          ms: Math.round(milliseconds),
        }));
        if (!notPublished) return;
        const { requestId, outcome } = notPublished;
        logs.gateway(levelOf(status), 'not published', { request_id: requestId, status, outcome, client });
      },
    );
  }

  /** @param handles bound sockets */
  listen(handles: readonly unknown[]): Promise<void> {
    return this.#server.listen(handles);
  }

  /** Accepts no more connections; those that there are go on as before. */
  stopListening(): Promise<void> {
    return this.#server.stopListening();
  }

  /** `/readyz` is 503 from now on, and all else as before. Resolves when shutdown_delay is over. */
  async announceStop(): Promise<void> {
    this.#draining = true;
    await delay(this.#config.httpServer.shutdownDelayMs);
  }

  /** Finishes what is in flight within drain_timeout, and then is no more. */
  drain(): Promise<void> {
    return this.#end(STOP_GRACE_MS, this.#config.httpServer.drainTimeoutMs);
  }

  /** As `drain`, but leaves idle connections to their clients: a successor takes the new ones. */
  retire(): Promise<void> {
    const { keepAliveTimeoutMs, requestTimeoutMs } = this.#config.httpServer;
    return this.#end(keepAliveTimeoutMs, keepAliveTimeoutMs + requestTimeoutMs);
  }

  /** A later call may hurry an earlier one. */
  #end(idleMs: number, timeoutMs: number): Promise<void> {
    setTimeout(() => this.#server.closeIdleConnections(), idleMs).unref();
    setTimeout(() => this.#giveUp(), timeoutMs - Math.min(LAST_ANSWERS_MS, timeoutMs / 4)).unref();
    setTimeout(() => this.#server.closeAllConnections(), timeoutMs).unref();
    this.#cutAt = Math.min(this.#cutAt, performance.now() + timeoutMs);
    this.#ended ??= this.#finish();
    return this.#ended;
  }

  #giveUp(): void {
    this.#connections.giveUp();
    this.#server.refuseUnfinished();
  }

  async #finish(): Promise<void> {
    this.#draining = true;
    await this.#server.stopAccepting();
    // What was answered 202 has no connection that would wait for it.
    const { drainTimeoutMs } = this.#config.httpServer;
    await this.#connections.close(Math.min(drainTimeoutMs, Math.max(0, this.#cutAt - performance.now())));
    this.#probe.close();
    this.#eventLoop.close();
    this.#descriptors.close();
  }

  #readiness(): Readiness {
    const connected = this.#connections.connected;
    const reachable = connected || this.#probe.reachableWithin(this.#config.application.publishing.publishTimeoutMs);
    const ready = reachable && !this.#draining;
    return {
      ready,
      draining: this.#draining,
      broker: connected ? 'connected' : reachable ? 'reachable' : 'unreachable',
      blocked: this.#connections.blocked?.reason ?? null,
      unreachable: this.#hosts.unreachable,
      reason: ready ? 'ready' : this.#draining ? 'draining' : 'no connection to RabbitMQ can be opened',
    };
  }

  snapshot(): Snapshot {
    const connections = this.#connections.statistics.snapshot();
    return {
      stats: this.#stats(connections),
      answers: this.#requests.answers,
      recent: connections.recent,
      lifetime: connections.lifetime,
    };
  }

  #stats({ stats: connections, forgotten, recent }: ConnectionsSnapshot): BackendStats {
    const blockedSince = this.#connections.blocked?.since;
    return {
      ...processStats(),
      clients: this.#server.clients,
      connections,
      descriptors_exhausted: this.#descriptors.exhausted,
      event_loop_delay: this.#eventLoop.delay,
      forgotten,
      held: this.#connections.held,
      host: hostname(),
      latency: summarize(mergeLatencies(Object.values(recent))),
      logins_refused: this.#connections.loginsRefused,
      port: this.#slot.port,
      requests: this.#requests.snapshot(),
      state: {
        ...this.#readiness(),
        blocked_for: blockedSince === undefined ? null : (performance.now() - blockedSince) / 1000,
      },
      version: VERSION,
      worker: this.#slot.worker,
    };
  }
}

/** As Tornado's access log has them. */
function levelOf(status: number): LogLevel {
  if (status >= 500) return 'error';
  return status >= 400 ? 'warning' : 'info';
}

function linkOptions(
  { application: { rabbitmq } }: Config,
  { rabbitmq: pem }: Keys,
  slot: Slot,
  hosts: BrokerHosts,
): LinkOptions {
  return {
    hosts,
    ...(rabbitmq.tls && {
      tls: { ...pem, rejectUnauthorized: rabbitmq.tls.verify },
    }),
    heartbeatSeconds: rabbitmq.heartbeatSeconds,
    connectTimeoutMs: rabbitmq.connectTimeoutMs,
    connectionName: `statelessd ${hostname()}:${slot.port} (pid ${process.pid})`,
  };
}
