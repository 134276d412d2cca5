import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pollUntil } from '../../../wrangler-free-local/poll.ts';
import { type ClaimedPort, claimFreePort } from '../../../wrangler-free-local/ports.ts';

/** A proxy that passes everything on to the gateway. */
export interface RunningProxy {
  readonly port: number;
  stop(): Promise<void>;
}

/** How one kind of proxy is started. */
interface Kind {
  /** The program and its arguments, for a configuration file in a directory of its own. */
  readonly command: (directory: string) => readonly string[];
  readonly config: (at: { readonly directory: string; readonly port: number; readonly gateway: number }) => string;
}

// They need a tenth of a second; none of them tells it in one way.
const START_MS = 30_000;

const isRoot = process.getuid?.() === 0;

/** An nginx that somebody has set up with one line. */
const nginx = (proxyPass: (gateway: number) => string): Kind => ({
  command: (directory) => ['nginx', '-p', directory, '-c', 'proxy.conf', '-e', 'stderr'],
  config: ({ directory, port, gateway }) => `
    ${isRoot ? 'user root;' : ''}
    daemon off;
    pid ${directory}/pid;
    error_log stderr notice;
    events {}
    http {
      access_log off;
      ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory}/${name};`).join('\n')}
      server {
        listen 127.0.0.1:${port};
        location / {
          ${proxyPass(gateway)}
        }
      }
    }
  `,
});

const haproxy = (server: string): Kind => ({
  command: (directory) => ['haproxy', '-W', '-f', `${directory}/proxy.conf`],
  config: ({ port, gateway }) => `
    defaults
      mode http
      timeout connect 5s
      timeout client 60s
      timeout server 60s
    frontend clients
      bind 127.0.0.1:${port}
      default_backend statelessd
    backend statelessd
      server one 127.0.0.1:${gateway} ${server}
  `,
});

const apache: Kind = {
  command: (directory) => ['apache2', '-D', 'FOREGROUND', '-f', `${directory}/proxy.conf`],
  config: ({ directory, port, gateway }) => `
    ServerName localhost
    ServerRoot ${directory}
    DefaultRuntimeDir ${directory}
    PidFile ${directory}/pid
    Listen 127.0.0.1:${port}
    ErrorLog ${directory}/log
    ${isRoot ? 'User www-data\nGroup www-data' : ''}
    ${['mpm_event', 'authz_core', 'proxy', 'proxy_http']
      .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
      .join('\n')}
    AllowEncodedSlashes NoDecode
    ProxyPass / http://127.0.0.1:${gateway}/ nocanon
  `,
};

const KINDS = {
  nginx: nginx((gateway) => `proxy_pass http://127.0.0.1:${gateway};`),
  'nginx with a path in proxy_pass': nginx((gateway) => `proxy_pass http://127.0.0.1:${gateway}/;`),
  HAProxy: haproxy(''),
  'HAProxy with send-proxy': haproxy('send-proxy'),
  Apache: apache,
} satisfies Record<string, Kind>;

export type ProxyKind = keyof typeof KINDS;

/** A real proxy, private and on loopback, with a configuration of its own. */
export async function startProxy(kind: ProxyKind, gateway: number): Promise<RunningProxy> {
  const { command, config } = KINDS[kind];
  const directory = await mkdtemp(join(tmpdir(), 'statelessd-proxy-'));
  // Apache's children are another user.
  await chmod(directory, 0o755);
  const claim = await claimFreePort();
  const text = config({ directory, port: claim.port, gateway });
  // HAProxy takes a file for cut off that does not end with a line's end.
  await writeFile(join(directory, 'proxy.conf'), `${text.trim()}\n`);
  const [program = '', ...args] = command(directory);
  // Debian puts them where an ordinary user's PATH does not look.
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin` };
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env });
  const proxy = new ProxyProcess(child, claim, directory);
  if (!(await pollUntil(() => proxy.listens(), { withinMs: START_MS }))) {
    await proxy.stop();
    throw new Error(`${kind} did not start:\n${proxy.stderr}`);
  }
  return proxy;
}

class ProxyProcess implements RunningProxy {
  readonly #child: ChildProcess;
  readonly #claim: ClaimedPort;
  readonly #directory: string;
  readonly #exited: Promise<unknown>;
  stderr = '';

  constructor(child: ChildProcess, claim: ClaimedPort, directory: string) {
    this.#child = child;
    this.#claim = claim;
    this.#directory = directory;
    this.#exited = once(child, 'exit');
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
  }

  get port(): number {
    return this.#claim.port;
  }

  listens(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#exited;
    this.#claim.release();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
