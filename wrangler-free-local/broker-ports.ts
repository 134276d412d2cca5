import type { NodePorts } from './broker-environment.ts';
import { claimFreePort } from './ports.ts';

/** PEM files for a broker's TLS listener. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** All loopback ports of one broker, kept for it until `release`. */
export interface BrokerPorts extends NodePorts {
  readonly tls: number | undefined;
  readonly management: number | undefined;
  release(): void;
}

/** Takes the wanted ports as they are and free ones for the rest. */
export async function claimPorts(wanted: {
  readonly port?: number;
  readonly management?: boolean | number;
  readonly tls?: TlsFiles;
  readonly epmd?: number | undefined;
}): Promise<BrokerPorts> {
  const claims: { release(): void }[] = [];
  const free = async () => {
    const claimed = await claimFreePort();
    claims.push(claimed);
    return claimed.port;
  };
  const { management = false } = wanted;
  return {
    amqp: wanted.port || (await free()),
    dist: await free(),
    epmd: wanted.epmd ?? (await free()),
    tls: wanted.tls ? await free() : undefined,
    management: management === true ? await free() : management || undefined,
    release: () => {
      for (const claimed of claims) claimed.release();
    },
  };
}

/** The lines of rabbitmq.conf for the listeners that the environment does not name. */
export function listenerConfig(ports: BrokerPorts, tls: TlsFiles | undefined): Record<string, string> {
  return {
    ...(ports.management === undefined
      ? {}
      : { 'management.tcp.ip': '127.0.0.1', 'management.tcp.port': String(ports.management) }),
    ...(tls === undefined || ports.tls === undefined
      ? {}
      : {
          'listeners.ssl.1': `127.0.0.1:${ports.tls}`,
          'ssl_options.cacertfile': tls.ca,
          'ssl_options.certfile': tls.cert,
          'ssl_options.keyfile': tls.key,
          'ssl_options.verify': 'verify_none',
          'ssl_options.fail_if_no_peer_cert': 'false',
        }),
  };
}
