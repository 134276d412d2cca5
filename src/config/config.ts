import type { LoggingConfig } from './logging.ts';

/**
 * The configuration as the process uses it: checked, every default filled in. Its fields mirror the file's sections
 * and keys; `config/statelessd.yaml` is the manual. Times are in milliseconds (the file has seconds), sizes in bytes.
 */
export interface Config {
  readonly daemon: DaemonConfig;
  readonly application: ApplicationConfig;
  readonly httpServer: HttpServerConfig;
  /** The table of the file; undefined where it names no route, which means the built-in ones. */
  readonly routes?: readonly Route[];
  /** Undefined where the file says nothing of logging. */
  readonly logging?: LoggingConfig;
}

export interface DaemonConfig {
  /** Where the process id is written; none by default. */
  readonly pidfile?: string;
  /** Whom the backends become when started as root; none by default. */
  readonly user?: string;
  /** The group that they have instead of the user's own; none by default. */
  readonly group?: string;
}

export interface ApplicationConfig {
  /** Problems carry the stack and logs are verbose; false by default. */
  readonly debug: boolean;
  /** Form posts need Tornado's double-submit `_xsrf` cookie; false by default. */
  readonly xsrfCookies: boolean;
  readonly paths: PathsConfig;
  readonly rabbitmq: RabbitmqConfig;
  readonly publishing: PublishingConfig;
}

/** Directories whose files override the built-in page and assets; none by default. */
export interface PathsConfig {
  readonly base?: string;
  readonly static?: string;
  readonly templates?: string;
}

export interface BrokerAddress {
  /** A host name or an IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface RabbitmqConfig {
  /** At least one, tried in turn; `localhost` by default, on 5672, or on 5671 with TLS. */
  readonly hosts: readonly BrokerAddress[];
  /** Undefined: plain AMQP, the default. */
  readonly tls?: BrokerTls;
  /** Seconds, for that is what AMQP negotiates; 0 is none. 10 by default. */
  readonly heartbeatSeconds: number;
  /** 3 seconds by default. */
  readonly connectTimeoutMs: number;
  /** After how long an unused connection is closed; 10 minutes by default. */
  readonly idleTimeoutMs: number;
  /** How long a revoked or changed password or permission may live on; 5 minutes by default. */
  readonly credentialsTtlMs: number;
  /** Per process; 512 by default. */
  readonly maxConnections: number;
  /** Users that may come from loopback clients only; `guest` by default. */
  readonly loopbackUsers: readonly string[];
}

/** Paths of PEM files. */
export interface BrokerTls {
  /** The authorities to trust instead of the system's. */
  readonly ca?: string;
  /** A client certificate; comes with `key`. */
  readonly cert?: string;
  readonly key?: string;
  /** false accepts any certificate; true by default. */
  readonly verify: boolean;
}

export interface PublishingConfig {
  /** How long a client waits for the confirm; 4.5 seconds by default. */
  readonly publishTimeoutMs: number;
  /** How long delivery goes on after a 202; a minute by default. */
  readonly asyncTimeoutMs: number;
  /** Whether a message whose client went away is still delivered; `deliver` by default. */
  readonly clientGone: 'deliver' | 'drop';
  /** Of messages that name none: 1 (transient, the default) or 2 (persistent). */
  readonly deliveryMode: 1 | 2;
  /** What becomes of a message that no queue takes; `report` by default. */
  readonly unroutable: 'report' | 'refuse' | 'ignore';
  /** Messages that may wait for a connection; 10000 by default. */
  readonly maxHeldMessages: number;
  /** All request bodies in memory, in bytes; 64 MiB by default, always more than `maxBodySizeBytes`. */
  readonly maxHeldBytes: number;
  /** Unconfirmed messages per connection; 2000 by default. */
  readonly maxInFlight: number;
  /** Messages in one batch; 10000 by default. */
  readonly maxBatch: number;
  /** Exchanges that return what they keep or delay; none by default. */
  readonly ignoreReturnsOf: readonly ExchangePattern[];
}

export interface ExchangePattern {
  /** As the file has it: a name, or a regular expression between slashes. */
  readonly text: string;
  /** Matches names; the default exchange is `amq.default`. */
  readonly regexp: RegExp;
}

/** Paths of PEM files, and whether clients bring one of theirs. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  /** The authorities of client certificates. Always there where certificates are asked for. */
  readonly clientCa?: string;
  /** `optional`: a client may have none, but no other than a trusted one. `none` by default. */
  readonly clientCert: 'none' | 'optional' | 'required';
}

export interface HttpServerConfig {
  /** One backend each; [8000] by default. Empty only where `sockets` is not. */
  readonly ports: readonly number[];
  /** Processes per port; 1 by default. */
  readonly workers: number;
  /** The IP address or host name to listen on; `::` by default. */
  readonly address: string;
  /** Paths of Unix sockets, one backend each; none by default. */
  readonly sockets: readonly string[];
  /** Undefined: plain HTTP, the default. */
  readonly tls?: ServerTls;
  /** false by default. */
  readonly noKeepAlive: boolean;
  /** Forwarding headers are believed if they come from `trustedProxies`; false by default. */
  readonly xheaders: boolean;
  /** Addresses, CIDRs, `loopback`, `private` or `any`; loopback and private by default. */
  readonly trustedProxies: readonly string[];
  /** Web origins that may publish, as a browser spells them; none by default. */
  readonly origins: readonly string[];
  /** Names under which browsers may come, as a browser spells them; none by default. */
  readonly hosts: readonly string[];
  /** Connections of clients, for each backend; 10000 by default. */
  readonly maxConnections: number;
  /** 10 MiB by default. */
  readonly maxBodySizeBytes: number;
  /** 10 seconds by default. */
  readonly headersTimeoutMs: number;
  /** For the whole request to arrive; 30 seconds by default. */
  readonly requestTimeoutMs: number;
  /** 75 seconds by default. */
  readonly keepAliveTimeoutMs: number;
  /** How long a stop waits for what is in flight; 10 seconds by default. */
  readonly drainTimeoutMs: number;
  /** How long a stop goes on as before, with `/readyz` 503, before it drains; 0 by default. */
  readonly shutdownDelayMs: number;
  /** Who may read `/`, `/stats`, `/metrics` and `/openapi.json`: as `trustedProxies`, with the same default. */
  readonly operations: { readonly allow: readonly string[] };
}

/** A handler's name in the file is this after `statelessd.`. */
export type HandlerName =
  | 'Publisher'
  | 'Stats'
  | 'Dashboard'
  | 'PublishMany'
  | 'ManagementPublish'
  | 'Metrics'
  | 'Health'
  | 'Ready'
  | 'OpenApi';

export interface Route {
  /** As the file has it. */
  readonly pattern: string;
  /** Anchored at both ends, for the raw path; it has the groups that its handler needs. */
  readonly regexp: RegExp;
  readonly handler: HandlerName;
  /** Where it stands in its file or environment variable, from 1. */
  readonly line: number;
}
