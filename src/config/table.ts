import { bytes } from './bytes.ts';
import { exchangePattern } from './exchange-pattern.ts';
import { listOf } from './list.ts';
import { logging } from './logging-table.ts';
import { addressRange, host, hostAndPort, webHost, webOrigin } from './network.ts';
import { route } from './route.ts';
import {
  brokerUser,
  count,
  filePath,
  flag,
  integer,
  oneNumberOf,
  oneOf,
  port,
  seconds,
  secondsOrNone,
  socketPath,
  userName,
} from './scalars.ts';
import { optional, part, type Read, required, section, setting } from './section.ts';

/** A configuration as its keys stand in the file: read, with the defaults, not yet judged as a whole. */
export type Settings = Read<typeof table>;

const addressRanges = listOf('addresses, CIDRs, loopback, private or any', addressRange);

/**
 * Every key of the file, in its order: its field in `Config`, its kind, its default as the file would spell it. The
 * known keys and the environment variables' names come from here.
 */
export const table = section({
  Daemon: part(
    'daemon',
    section({
      pidfile: optional('pidfile', filePath),
      user: optional('user', userName),
      group: optional('group', userName),
    }),
  ),
  Application: part(
    'application',
    section({
      debug: setting('debug', flag, false),
      xsrf_cookies: setting('xsrfCookies', flag, false),
      paths: part(
        'paths',
        section({
          base: optional('base', filePath),
          static: optional('static', filePath),
          templates: optional('templates', filePath),
        }),
      ),
      rabbitmq: part(
        'rabbitmq',
        section({
          // Defaults that depend on each other: brokers.ts has them.
          host: optional('host', host),
          port: optional('port', port),
          hosts: optional('hosts', listOf('hosts', hostAndPort)),
          tls: optional(
            'tls',
            section({
              ca: optional('ca', filePath),
              cert: optional('cert', filePath),
              key: optional('key', filePath),
              verify: setting('verify', flag, true),
            }),
          ),
          heartbeat: setting('heartbeatSeconds', integer(0, 65535), 10),
          connect_timeout: setting('connectTimeoutMs', seconds, 3),
          idle_timeout: setting('idleTimeoutMs', seconds, 600),
          credentials_ttl: setting('credentialsTtlMs', seconds, 300),
          max_connections: setting('maxConnections', count, 512),
          loopback_users: setting('loopbackUsers', listOf('user names', brokerUser), ['guest']),
        }),
      ),
      publishing: part(
        'publishing',
        section({
          publish_timeout: setting('publishTimeoutMs', seconds, 4.5),
          async_timeout: setting('asyncTimeoutMs', seconds, 60),
          client_gone: setting('clientGone', oneOf(['deliver', 'drop']), 'deliver'),
          delivery_mode: setting('deliveryMode', oneNumberOf([1, 2], 'expected 1 (transient) or 2 (persistent)'), 1),
          unroutable: setting('unroutable', oneOf(['report', 'refuse', 'ignore']), 'report'),
          max_held_messages: setting('maxHeldMessages', count, 10_000),
          max_held_bytes: setting('maxHeldBytes', bytes, '64MiB'),
          max_in_flight: setting('maxInFlight', count, 2000),
          max_batch: setting('maxBatch', count, 10_000),
          ignore_returns_of: setting('ignoreReturnsOf', listOf('exchanges', exchangePattern), []),
        }),
      ),
    }),
  ),
  HTTPServer: part(
    'httpServer',
    section({
      ports: setting('ports', listOf('ports', port), [8000]),
      workers: setting('workers', integer(1, 1024), 1),
      address: setting('address', host, '::'),
      sockets: setting('sockets', listOf('paths', socketPath), []),
      tls: optional(
        'tls',
        section({
          cert: required('cert', filePath),
          key: required('key', filePath),
          client_ca: optional('clientCa', filePath),
          client_cert: setting('clientCert', oneOf(['none', 'optional', 'required']), 'none'),
        }),
      ),
      no_keep_alive: setting('noKeepAlive', flag, false),
      xheaders: setting('xheaders', flag, false),
      trusted_proxies: setting('trustedProxies', addressRanges, ['loopback', 'private']),
      origins: setting('origins', listOf('web origins', webOrigin), []),
      hosts: setting('hosts', listOf('host names', webHost), []),
      max_connections: setting('maxConnections', count, 10_000),
      max_body_size: setting('maxBodySizeBytes', bytes, '10MiB'),
      headers_timeout: setting('headersTimeoutMs', seconds, 10),
      request_timeout: setting('requestTimeoutMs', seconds, 30),
      keep_alive_timeout: setting('keepAliveTimeoutMs', seconds, 75),
      drain_timeout: setting('drainTimeoutMs', seconds, 10),
      shutdown_delay: setting('shutdownDelayMs', secondsOrNone, 0),
      operations: part(
        'operations',
        section({
          allow: setting('allow', addressRanges, ['loopback', 'private']),
        }),
      ),
    }),
  ),
  Routes: optional('routes', listOf('[regular expression, handler]', route)),
  Logging: optional('logging', logging),
});
