import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClaimedPort, claimFreePort } from '../../wrangler-free-local/ports.ts';

const CONFIG = new URL('../../config/nginx.conf', import.meta.url);

/** Its own default, where the packages put it outside of an ordinary user's PATH. */
const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin` };

/** A real nginx, as the user who runs the tests, with config/nginx.conf but for its ports. */
export class Nginx {
  /** What `nginx -t` said of the configuration. */
  readonly verdict: string;
  readonly #claim: ClaimedPort;
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #exited: Promise<unknown>;
  #stderr = '';

  private constructor(child: ChildProcess, claim: ClaimedPort, directory: string, verdict: string) {
    this.#child = child;
    this.#claim = claim;
    this.#directory = directory;
    this.verdict = verdict;
    this.#exited = once(child, 'exit');
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
  }

  /** @param backends in place of the configuration's five, or fewer: ports, or `unix:` and a path */
  static async start(backends: readonly (number | string)[], outer = ''): Promise<Nginx> {
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-nginx-'));
    const claim = await claimFreePort();
    await mkdir(join(directory, 'temp'));
    const text = withAddresses(await readFile(CONFIG, 'utf8'), claim.port, backends);
    await writeFile(join(directory, 'statelessd.conf'), text);
    await writeFile(join(directory, 'nginx.conf'), main(directory, outer));
    const args = ['-p', directory, '-c', 'nginx.conf', '-e', 'stderr'];
    const test = spawnSync('nginx', ['-t', ...args], { encoding: 'utf8', env });
    const child = spawn('nginx', args, { stdio: ['ignore', 'inherit', 'pipe'], env });
    const nginx = new Nginx(child, claim, directory, test.stderr);
    while (!nginx.#stderr.includes('start worker process')) {
      if (child.exitCode !== null) throw new Error(`nginx did not start:\n${nginx.#stderr}`);
      if (child.stderr) await Promise.race([once(child.stderr, 'data'), nginx.#exited]);
    }
    return nginx;
  }

  get port(): number {
    return this.#claim.port;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#exited;
    this.#claim.release();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Only addresses change: what stands beside them is what is tested. */
function withAddresses(config: string, port: number, backends: readonly (number | string)[]): string {
  const listening = config.replace(/^ *listen \[::\]:80;\n/m, '').replace('listen 80;', `listen 127.0.0.1:${port};`);
  return listening.replaceAll(/^ *server 127\.0\.0\.1:800([0-4])(.*\n)/gm, (_, index, parameters) => {
    const backend = backends[Number(index)];
    if (backend === undefined) return '';
    return `server ${typeof backend === 'number' ? `127.0.0.1:${backend}` : backend}${parameters}`;
  });
}

/** What a distribution's nginx.conf would have around it. */
function main(directory: string, outer: string): string {
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    daemon off;
    worker_processes 2;
    pid ${directory}/nginx.pid;
    error_log stderr notice;
    events { worker_connections 1024; }
    http {
      access_log off;
      ${temp.map((name) => `${name}_temp_path ${directory}/temp/${name};`).join('\n')}
      ${outer}
      include ${directory}/statelessd.conf;
    }
  `;
}
