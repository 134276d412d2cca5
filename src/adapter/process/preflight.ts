import { lookup } from 'node:dns/promises';
import { accessSync, constants, lstatSync, statSync } from 'node:fs';
import { createServer, isIP } from 'node:net';
import { dirname } from 'node:path';
import type { Config } from '../../config/config.ts';
import type { Log } from '../../handler/log.ts';
import { EXIT } from './exit-codes.ts';
import { describe, type ListenAddress } from './listener.ts';
import { problemOf as problemOfFile } from './pidfile.ts';
import { addressesOf, type Failure, settingsFor } from './supervisor.ts';

/**
 * Why a start with this configuration would be refused: key files, users, paths and addresses. Nothing is changed. What
 * only the moment decides, such as another process on a port, is left to the start itself.
 */
export async function preflight(config: Config, log: Log): Promise<Pick<Failure, 'exitCode' | 'reason'>[]> {
  const settings = settingsFor(config, log);
  const { pidfile } = config.daemon;
  const pidfileProblem = pidfile === undefined ? undefined : problemOfPidfile(pidfile);
  const addresses = await Promise.all(
    addressesOf(config).map(async (address) => {
      const problem = 'path' in address ? problemOfSocket(address.path) : await problemOfPort(address);
      return problem === undefined ? undefined : `cannot listen on ${describe(address)}: ${problem}`;
    }),
  );
  const refused = [pidfileProblem === undefined ? undefined : `Daemon.pidfile: ${pidfileProblem}`, ...addresses];
  return [
    ...(settings.ok ? [] : [settings]),
    ...refused.flatMap((reason) => (reason === undefined ? [] : [{ exitCode: EXIT.addressTaken, reason }])),
  ];
}

/** Its directory is made where there is none; a file that is there is written anew. */
const problemOfPidfile = (path: string): string | undefined =>
  problemOf(() => {
    const problem = problemOfFile(path);
    if (problem !== undefined) return `cannot write ${path}: ${problem}`;
    if (statOf(path) !== undefined) {
      accessSync(path, constants.W_OK);
      return undefined;
    }
    let directory = dirname(path);
    while (statOf(directory) === undefined && dirname(directory) !== directory) directory = dirname(directory);
    return problemOfDirectory(directory);
  });

const problemOfSocket = (path: string): string | undefined =>
  problemOf(() => {
    const found = statOf(path);
    return found && !found.isSocket() ? 'there is something that is no socket' : problemOfDirectory(dirname(path));
  });

const statOf = (path: string) => lstatSync(path, { throwIfNoEntry: false });

function problemOfDirectory(path: string): string | undefined {
  if (!statSync(path).isDirectory()) return `${path} is no directory`;
  accessSync(path, constants.W_OK | constants.X_OK);
  return undefined;
}

function problemOf(judge: () => string | undefined): string | undefined {
  try {
    return judge();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** One address of a name is enough. Below 1024 the port matters: not everybody may have it. */
async function problemOfPort({ host, port }: Extract<ListenAddress, { port: number }>): Promise<string | undefined> {
  const found = isIP(host) ? [{ address: host }] : await lookup(host, { all: true }).catch(() => []);
  if (found.length === 0) return `${host} has no address`;
  const codes = await Promise.all(found.map(({ address }) => errorOfListening(address, port < 1024 ? port : 0)));
  const harmless = (code: string | undefined): boolean => code === undefined || code === 'EADDRINUSE';
  if (codes.some(harmless)) return undefined;
  // A machine without IPv6 has :: all the same: IPv4 alone.
  return host === '::' && codes.every((code) => code !== 'EACCES') ? undefined : codes.join(', ');
}

function errorOfListening(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port }, () => server.close(() => resolve(undefined)));
  });
}
