/**
 * The program behind the container's HEALTHCHECK. Ends with 0 if every port and socket of the gateway answers, whatever
 * its configuration is and wherever that comes from: the kernel says where it listens.
 *
 *   node health-check.js [PID of the supervisor, where there are several]
 */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { resolve } from 'node:path';

/** Below what the container's engine allows. */
const TIMEOUT_MS = 2_500;

type Target = { readonly host: string; readonly port: number } | { readonly socketPath: string };

const LISTENING_TCP = '0A';
/** SO_ACCEPTCON */
const LISTENING_UNIX = '00010000';

const SUPERVISOR = 'statelessd: supervisor';

function supervisors(): string[] {
  return list('/proc').filter((pid) => /^\d+$/.test(pid) && read(`/proc/${pid}/cmdline`).startsWith(SUPERVISOR));
}

function targetsOf(pid: string): Target[] {
  const inodes = inodesOf(pid);
  const rows = (table: string): string[][] =>
    read(`/proc/${pid}/net/${table}`)
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/));
  const tcp = [...rows('tcp'), ...rows('tcp6')].flatMap(([, local = '', , state, , , , , , inode = '']) =>
    state === LISTENING_TCP && inodes.has(inode) ? tcpTarget(local) : [],
  );
  const unix = rows('unix').flatMap(([, , , flags, , , inode = '', path = '']) =>
    flags === LISTENING_UNIX && inodes.has(inode) ? { socketPath: resolve(`/proc/${pid}/cwd`, path) } : [],
  );
  return [...tcp, ...unix];
}

function inodesOf(pid: string): Set<string> {
  const folder = `/proc/${pid}/fd`;
  return new Set(list(folder).flatMap((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(`${folder}/${fd}`))?.[1] ?? []));
}

/** proc(5): words of 32 bits as this machine stores them, and the port. */
function tcpTarget(local: string): Target {
  const [words = '', port = ''] = local.split(':');
  const bytes = Buffer.from(words, 'hex');
  bytes.swap32();
  const isWildcard = bytes.every((byte) => byte === 0);
  const host = bytes.length === 4 ? bytes.join('.') : (bytes.toString('hex').match(/..../g) ?? []).join(':');
  // `::` takes IPv4, too, and ::1 may be switched off.
  return { host: isWildcard ? '127.0.0.1' : host, port: Number.parseInt(port, 16) };
}

/** Whether it speaks HTTP there, or HTTPS, whatever it says. */
async function answers(target: Target): Promise<boolean> {
  for (const request of [requestHttp, requestHttps]) if (await answersBy(request, target)) return true;
  return false;
}

function answersBy(request: typeof requestHttps, target: Target): Promise<boolean> {
  const options = { ...target, path: '/healthz', agent: false, rejectUnauthorized: false, timeout: TIMEOUT_MS };
  return new Promise((settle) => {
    const outgoing = request(options, (response) => {
      response.destroy();
      settle(response.statusCode !== undefined && response.statusCode < 500);
    });
    outgoing.on('timeout', () => outgoing.destroy());
    // A gateway that wants a certificate of its clients has said so, and lives.
    outgoing.on('error', (error) => settle('code' in error && /ALERT_CERTIFICATE_REQUIRED/.test(String(error.code))));
    outgoing.end();
  });
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Closed since the folder was listed.
    return '';
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Ended since the folder was listed.
    return '';
  }
}

const pids = process.argv.length > 2 ? process.argv.slice(2) : supervisors();
const targets = pids.flatMap(targetsOf);
const answered = await Promise.all(targets.map(answers));
process.exit(targets.length > 0 && answered.every(Boolean) ? 0 : 1);
