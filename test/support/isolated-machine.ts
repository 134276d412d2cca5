import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startTied, type TiedProcess } from '../../wrangler-free-local/tied-process.ts';

/**
 * What a machine of 2013 had, in namespaces of its own: a system user nginx, a syslog socket at /dev/log, an empty
 * /run, and RabbitMQ on localhost:5672. All its ports are free.
 */
const SET_UP = `set -e
folder=$1 syslog=$2 relay=$3
ip link set lo up
cp /etc/passwd /etc/group "$folder"
grep -q ^nginx: "$folder/passwd" || echo 'nginx:x:2013:2013::/nonexistent:/usr/sbin/nologin' >>"$folder/passwd"
grep -q ^nginx: "$folder/group" || echo 'nginx:x:2013:' >>"$folder/group"
mount --bind "$folder/passwd" /etc/passwd
mount --bind "$folder/group" /etc/group
mkdir "$folder/dev"
mount -t tmpfs none "$folder/dev"
for name in null zero full random urandom; do
  touch "$folder/dev/$name"
  mount --bind "/dev/$name" "$folder/dev/$name"
done
ln -s /proc/self/fd "$folder/dev/fd"
touch "$folder/dev/log"
mount --bind "$syslog" "$folder/dev/log"
mount --rbind "$folder/dev" /dev
mount -t tmpfs none /run
echo ready
exec socat TCP-LISTEN:5672,bind=127.0.0.1,reuseaddr,fork "UNIX-CONNECT:$relay"
`;

const NAMESPACES = ['--net', '--mount'];

/** Only root may make namespaces, and not within every container. */
export const canIsolate = (): boolean =>
  process.getuid?.() === 0 && spawnSync('unshare', [...NAMESPACES, 'true']).status === 0;

export class IsolatedMachine {
  readonly #directory: string;
  readonly #relay: TiedProcess;
  readonly #init: ChildProcess;

  private constructor(directory: string, relay: TiedProcess, init: ChildProcess) {
    this.#directory = directory;
    this.#relay = relay;
    this.#init = init;
  }

  static async start(syslogSocket: string, amqpPort: number): Promise<IsolatedMachine> {
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-machine-'));
    const relaySocket = join(directory, 'amqp');
    const relay = await startTied('socat', [`UNIX-LISTEN:${relaySocket},fork`, `TCP:127.0.0.1:${amqpPort}`]);
    const script = ['sh', '-c', SET_UP, 'sh', directory, syslogSocket, relaySocket];
    const init = spawn('unshare', [...NAMESPACES, ...script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const machine = new IsolatedMachine(directory, relay, init);
    const [first] = await Promise.race([once(init.stdout, 'data'), once(init, 'exit')]);
    if (String(first).trim() !== 'ready') throw new Error('the machine could not be set up');
    return machine;
  }

  /** Starts a program there. */
  spawn(command: readonly string[]): ChildProcess {
    return spawn('nsenter', this.#enter(command), { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Runs a program there and gives what it prints. */
  async run(...command: readonly string[]): Promise<string> {
    return (await promisify(execFile)('nsenter', this.#enter(command))).stdout;
  }

  async close(): Promise<void> {
    const gone = once(this.#init, 'exit');
    this.#init.kill('SIGKILL');
    await gone;
    await this.#relay.end('SIGKILL', 1_000);
    await rm(this.#directory, { recursive: true, force: true });
  }

  #enter(command: readonly string[]): string[] {
    return ['--target', String(this.#init.pid), ...NAMESPACES, '--', ...command];
  }
}
