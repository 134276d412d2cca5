import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';

/** Prints each datagram as a line, in hexadecimal. Perl, for Node has no such sockets, and every Debian has it. */
const PROGRAM = `
use Socket;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die $!;
bind($socket, pack_sockaddr_un($ARGV[0])) or die $!;
$| = 1;
print "listening\\n";
while (defined recv($socket, my $datagram, 65536, 0)) { print unpack("H*", $datagram), "\\n" }
`;

/** The variables of one notification. */
export type Notification = Readonly<Record<string, string>>;

/** A datagram socket as systemd has one, for NOTIFY_SOCKET. */
export class NotifyReceiver {
  readonly socket: string;
  readonly #directory: string;
  readonly #perl: ChildProcessByStdio<null, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  private constructor(directory: string, socket: string) {
    this.#directory = directory;
    this.socket = socket;
    this.#perl = spawn('perl', ['-e', PROGRAM, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: Interface = createInterface(this.#perl.stdout);
    this.#lines = lines[Symbol.asyncIterator]();
  }

  static async start(): Promise<NotifyReceiver> {
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-notify-'));
    const receiver = new NotifyReceiver(directory, join(directory, 'socket'));
    await receiver.#line();
    return receiver;
  }

  /** Waits for the next one. */
  async next(): Promise<Notification> {
    const datagram = Buffer.from(await this.#line(), 'hex').toString();
    const lines = datagram.split('\n').filter((line) => line !== '');
    const notification = Object.fromEntries(
      lines.map((line) => [line.replace(/=.*/, ''), line.replace(/^[^=]*=/, '')]),
    );
    // By which systemd-notify learns that what it sent has been read.
    return 'BARRIER' in notification ? this.next() : notification;
  }

  async close(): Promise<void> {
    const exited = once(this.#perl, 'exit');
    this.#perl.kill('SIGKILL');
    await exited;
    await rm(this.#directory, { recursive: true });
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the receiver of notifications ended');
    return value;
  }
}
