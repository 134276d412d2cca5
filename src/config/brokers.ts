import type { BrokerAddress } from './config.ts';
import { type Variable, withValue } from './environment.ts';
import { isWithin, type Path, type Report } from './kind.ts';
import type { Settings } from './table.ts';

type RabbitmqSettings = Settings['application']['rabbitmq'];

export const rabbitmqPath: Path = ['Application', 'rabbitmq'];

const defaultHost = 'localhost';
const defaultPort = 5672;
const defaultTlsPort = 5671;

/** The brokers, from `hosts` or from `host` and `port`. A port next to `hosts` is for all of them. */
export function brokersOf({ host, hosts, port, tls }: RabbitmqSettings): readonly BrokerAddress[] {
  const otherwise = tls === undefined ? defaultPort : defaultTlsPort;
  if (hosts === undefined) return [{ host: host ?? defaultHost, port: port ?? otherwise }];
  return hosts.map((broker) => ({ host: broker.host, port: port ?? broker.port ?? otherwise }));
}

/** The reverse of `brokersOf`, ports always spelled out. */
export function brokerSettings(brokers: readonly BrokerAddress[]): Pick<RabbitmqSettings, 'host' | 'hosts' | 'port'> {
  const [first, ...others] = brokers;
  return first !== undefined && others.length === 0 ? { host: first.host, port: first.port } : { hosts: brokers };
}

/** Judges the brokers. `portForAll`: the environment's port stands over the file's hosts, and means to. */
export function checkBrokers(settings: RabbitmqSettings, portForAll: boolean, report: Report): void {
  const { host, hosts, port } = settings;
  if (hosts === undefined) return;
  const at = [...rabbitmqPath, 'hosts'];
  if (host !== undefined || (port !== undefined && !portForAll)) {
    report(at, 'expected either hosts, or host and port, not both');
    return;
  }
  if (hosts.length === 0) report(at, 'expected at least one host');
  // a and a:5672 are the same broker.
  const first = new Map<string, number>();
  for (const [index, broker] of brokersOf(settings).entries()) {
    const spelling = `${broker.host.toLowerCase()} ${broker.port}`;
    const earlier = first.get(spelling);
    if (earlier !== undefined) report([...at, index], `duplicate of [${earlier}]`);
    first.set(spelling, index);
  }
}

/** The file's tree without its choice of brokers where the environment makes one, however each is spelled. */
export function withoutOverruledBrokers(tree: unknown, variables: readonly Variable[]): unknown {
  const set = new Set(variables.filter(({ path }) => isWithin(path, rabbitmqPath)).map(({ path }) => path.at(-1)));
  const without = (from: unknown, key: string) => withValue(from, [...rabbitmqPath, key], undefined);
  if (set.has('hosts')) return without(without(tree, 'host'), 'port');
  return set.has('host') ? without(tree, 'hosts') : tree;
}
