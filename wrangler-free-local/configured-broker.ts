import { BrokerHosts } from '../src/adapter/amqp/broker-hosts.ts';
import { Link, type LinkOptions } from '../src/adapter/amqp/link.ts';
import { EXIT } from '../src/adapter/process/exit-codes.ts';
import { readKeys } from '../src/adapter/process/keys.ts';
import type { Config } from '../src/config/config.ts';
import { answersAmqp } from './amqp-answer.ts';
import { CannotStart } from './cannot-start.ts';

/** A broker that was running already: it is published to, and never changed. */
export interface FoundBroker {
  readonly kind: 'found';
  readonly description: string;
  /** With the password guest, in the vhost `/`. */
  readonly guestMayLogIn: boolean;
}

/** The broker of the configuration, if it answers. */
export async function findConfigured(config: Config): Promise<FoundBroker | undefined> {
  const link = linkTo(config);
  const { tls } = link;
  for (const { host, port } of link.hosts.all) {
    if (!(await answersAmqp({ host, port, ...(tls && { tls }) }))) continue;
    const login = { vhost: '/', username: 'guest', password: 'guest' };
    const outcome = await Link.open({ ...link, hosts: new BrokerHosts([{ host, port }], () => {}) }, login, SILENT);
    if (outcome.kind === 'open') await outcome.link.close();
    return {
      kind: 'found',
      description: `the RabbitMQ that runs at ${host}:${port}`,
      guestMayLogIn: outcome.kind === 'open',
    };
  }
  return undefined;
}

function linkTo(config: Config): LinkOptions {
  const { hosts, tls, heartbeatSeconds, connectTimeoutMs } = config.application.rabbitmq;
  const keys = readKeys(config);
  if (!keys.ok) throw new CannotStart(keys.problem, EXIT.config);
  const common = {
    hosts: new BrokerHosts(hosts, () => {}),
    heartbeatSeconds,
    connectTimeoutMs,
    connectionName: 'scripts/up',
  };
  return tls ? { ...common, tls: { ...keys.keys.rabbitmq, rejectUnauthorized: tls.verify } } : common;
}

const SILENT = { onBlocked: () => {}, onUnblocked: () => {}, onLost: () => {} };
