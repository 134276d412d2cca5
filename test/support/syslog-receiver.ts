import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pollUntil } from '../../wrangler-free-local/poll.ts';
import { claimFreePort } from '../../wrangler-free-local/ports.ts';
import { startTied, type TiedProcess } from '../../wrangler-free-local/tied-process.ts';

/** rsyslogd with a datagram socket and a UDP port of its own, as whose receiver of lines one may trust. */
export class SyslogReceiver {
  readonly socket: string;
  readonly port: number;
  readonly #directory: string;
  readonly #process: TiedProcess;
  readonly #release: () => void;

  private constructor(directory: string, port: number, rsyslogd: TiedProcess, release: () => void) {
    this.#directory = directory;
    this.socket = join(directory, 'log');
    this.port = port;
    this.#process = rsyslogd;
    this.#release = release;
  }

  static async start(): Promise<SyslogReceiver> {
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-syslog-'));
    const { port, release } = await claimFreePort();
    const file = (name: string): string => join(directory, name);
    await writeFile(
      file('rsyslog.conf'),
      `module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="${file('log')}")
module(load="imudp")
input(type="imudp" address="127.0.0.1" port="${port}")
template(name="received" type="string" string="%syslogfacility-text%.%syslogseverity-text%|%rawmsg-after-pri%\\n")
action(type="omfile" file="${file('received')}" template="received")
`,
    );
    const path = `${process.env.PATH}:/usr/sbin:/sbin`;
    const rsyslogd = await startTied('rsyslogd', ['-n', '-f', file('rsyslog.conf'), '-i', file('pid')], {
      env: { ...process.env, PATH: path },
      stdio: 'ignore',
    });
    const receiver = new SyslogReceiver(directory, port, rsyslogd, release);
    const ready = await pollUntil(
      () =>
        readFile(file('pid'), 'utf8').then(
          () => true,
          () => false,
        ),
      { withinMs: 10_000 },
    );
    if (!ready) throw new Error('rsyslogd did not start');
    return receiver;
  }

  /** What came, a line each: facility, severity and the message after its priority. */
  async received(): Promise<string> {
    return readFile(join(this.#directory, 'received'), 'utf8').catch(() => '');
  }

  async close(): Promise<void> {
    await this.#process.end('SIGTERM', 5_000);
    this.#release();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
