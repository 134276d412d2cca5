import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import type { Config } from '../src/config/config.ts';
import { CannotStart } from './cannot-start.ts';
import { isPortTaken } from './ports.ts';

const REQUEST_TIMEOUT_MS = 5_000;
const EVERYWHERE = ['::', '0.0.0.0', '::1', '127.0.0.1', 'localhost'];

/** Where the gateway will be reached from this machine. */
export interface Endpoint {
  readonly secure: boolean;
  /** As it stands in a URL. */
  readonly host: string;
  readonly port: number;
}

/** The gateway's first port; refuses a start that would find one taken. */
export async function freeEndpoint({ httpServer }: Config): Promise<Endpoint> {
  const { address, ports, tls } = httpServer;
  for (const taken of ports) {
    if (await isPortTaken(taken, address))
      throw new CannotStart(
        `Port ${taken} is taken: does scripts/up run already? Stop what listens there, or choose another port:\n` +
          `  PORT=${taken + 10} scripts/up`,
      );
  }
  const [port] = ports;
  if (port === undefined) throw new CannotStart('The configuration names no port. Choose one:\n  PORT=8000 scripts/up');
  const named = address.includes(':') ? `[${address}]` : address;
  return { secure: tls !== undefined, host: EVERYWHERE.includes(address) ? 'localhost' : named, port };
}

/** Whether the gateway says that it is ready. Never rejects. */
export function isReady({ secure, host, port }: Endpoint): Promise<boolean> {
  const url = `http${secure ? 's' : ''}://${host}:${port}/readyz`;
  const options = { agent: false, timeout: REQUEST_TIMEOUT_MS };
  return new Promise((resolve) => {
    // A certificate for another name, or signed by itself, is good enough to know that the gateway is up.
    const request = secure ? getHttps(url, { ...options, rejectUnauthorized: false }) : getHttp(url, options);
    request.once('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
    request.once('close', () => resolve(false));
  });
}
