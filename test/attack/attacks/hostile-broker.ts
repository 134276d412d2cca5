import { setTimeout as delay } from 'node:timers/promises';
import { type Attack, type Finding, finding } from '../attack-contract.ts';
import type { AttackedGateway } from '../support/attacked-gateway.ts';
import { ManglingLink } from '../support/mangling-link.ts';
import { Tally } from '../support/send.ts';
import type { World } from '../support/world.ts';

const [METHOD, HEADER, BODY, HEARTBEAT] = [1, 2, 3, 8];

function frame(type: number, channel: number, payload: Buffer | string, size?: number, end = 0xce): Buffer {
  const bytes = Buffer.from(payload);
  const head = Buffer.alloc(7);
  head.writeUInt8(type, 0);
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(size ?? bytes.length, 3);
  return Buffer.concat([head, bytes, Buffer.of(end)]);
}

const method = (channel: number, classId: number, methodId: number, ...rest: number[]): Buffer =>
  frame(METHOD, channel, Buffer.from([0, classId, 0, methodId, ...rest]));

/** The broker's first words, with a table of server properties that holds these bytes. */
function startWith(table: Buffer, announced = table.length): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(announced);
  const tail = Buffer.from('\0\0\0\x05PLAIN\0\0\0\x05en_US', 'latin1');
  return frame(METHOD, 0, Buffer.concat([Buffer.from([0, 10, 0, 10, 0, 9]), length, table, tail]));
}

/** Tables within tables. */
function nested(depth: number): Buffer {
  let table = Buffer.alloc(0);
  for (let n = 0; n < depth; n += 1) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(table.length);
    table = Buffer.concat([Buffer.from('\x01aF', 'latin1'), length, table]);
  }
  return table;
}

/** What is said instead of a broker's greeting. */
const greetings: Readonly<Record<string, Buffer>> = {
  'an HTTP server': Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'),
  'an HTML page': Buffer.from(`HTTP/1.1 200 OK\r\n\r\n<!doctype html>${'<p>'.repeat(10_000)}`),
  'an SSH server': Buffer.from('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n'),
  'an SMTP server': Buffer.from('220 mail.example ESMTP\r\n'),
  'a TLS alert': Buffer.from([0x15, 3, 3, 0, 2, 2, 70]),
  'AMQP 1.0': Buffer.from('AMQP\x03\x01\0\0', 'latin1'),
  zeros: Buffer.alloc(4_096),
  'ones in every bit': Buffer.alloc(4_096, 0xff),
  'a table longer than its frame': startWith(Buffer.from('\x01aS\x7f\xff\xff\xff', 'latin1')),
  'a table that announces 4 GB': startWith(Buffer.alloc(0), 0xffff_ffff),
  'a table of unknown types': startWith(Buffer.from('\x01a?\x01b\x00', 'latin1')),
  'tables 15,000 deep': startWith(nested(15_000)),
  'no mechanisms': frame(METHOD, 0, Buffer.from([0, 10, 0, 10, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
};

/** What is said in the midst of a connection that works. */
const injections: Readonly<Record<string, Buffer>> = {
  'a frame of 4 GB': frame(METHOD, 1, 'x', 0xffff_ffff),
  'a frame of 2 GB': frame(METHOD, 1, 'x', 0x7fff_ffff),
  'a frame without a payload': frame(METHOD, 1, ''),
  'a method of one byte': frame(METHOD, 1, 'x'),
  'a wrong frame end': frame(HEARTBEAT, 0, '', 0, 0x41),
  'a frame of an unknown type': frame(9, 1, 'abcd'),
  'a heartbeat with a payload on channel 7': frame(HEARTBEAT, 7, 'abcd'),
  'an unknown class': method(1, 250, 11),
  'an unknown method': method(1, 60, 250),
  'an ack that is cut short': method(1, 60, 80, 0, 0),
  'an ack of a message that never was': method(1, 60, 80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
  'an ack on channel 999': method(999, 60, 80, 0, 0, 0, 0, 0, 0, 0, 1, 0),
  'a nack of everything': method(1, 60, 120, 0, 0, 0, 0, 0, 0, 0, 0, 1),
  'a body without a header': frame(BODY, 1, 'body'),
  'a header without a method': frame(HEADER, 1, Buffer.alloc(14)),
  'a return whose body is announced with 2^63 bytes': Buffer.concat([
    method(1, 60, 50, 1, 56, 1, 0x61, 1, 0x61, 1, 0x61),
    frame(HEADER, 1, Buffer.from([0, 60, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
    frame(BODY, 1, 'x'.repeat(1_000)),
  ]),
  'a return that is cut short': method(1, 60, 50, 1, 56, 200, 0x61),
  'a message to a consumer that never was': method(1, 60, 60, 1, 0x61, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0x61, 1, 0x61),
  'a close of the channel with a reason that is no UTF-8': method(1, 20, 40, 1, 0x94, 3, 0xff, 0xfe, 0xfd, 0, 0, 0, 0),
  'a close that is cut short': method(0, 10, 50, 1),
  'a second greeting': startWith(Buffer.alloc(0)),
  'an HTTP answer': Buffer.from('HTTP/1.1 408 Request Timeout\r\n\r\n'),
};

const timed = { broker: { connect_timeout: 1 }, publishing: { publish_timeout: 1.5 } };

/** Posts in the midst of each, and once again when the broker is itself. */
async function posted(
  world: World,
  kinds: Readonly<Record<string, Buffer>>,
  say: (link: ManglingLink, bytes: Buffer) => void,
): Promise<Finding> {
  const link = await ManglingLink.start(world.broker.port);
  world.onEnd(() => link.close());
  const gateway = await world.startGateway({
    settings: { rabbitmq: { port: link.port, ...timed.broker }, publishing: timed.publishing },
  });
  const pids = gateway.backends;
  const post = async (): Promise<number> => (await world.post({ agent: false }, undefined, gateway.port)).status;
  const during = new Tally();
  const kept: string[] = [];
  const dead: string[] = [];
  for (const [name, bytes] of Object.entries(kinds)) {
    const alive = gateway.backends;
    say(link, bytes);
    during.add(await post());
    link.greeting = undefined;
    link.cut();
    if (!(await recovers(post))) kept.push(name);
    if (gateway.backends.some((pid) => !alive.includes(pid)) || gateway.backends.length < alive.length) dead.push(name);
  }
  return finding(
    `${Object.keys(kinds).length} kinds; posts meanwhile: ${during}; ${deaths(gateway, pids)} backends replaced`,
    {
      [`no backend ends (it did at ${dead.join(', ')})`]: dead.length === 0,
      [`posts are 204 again once the broker is itself (not after ${kept.join(', ')})`]: kept.length === 0,
      'answers meanwhile are 503, 504 or, after a second attempt, 204': during.others(204, 503, 504) === 0,
      'the log says why the broker cannot be reached': /cannot be reached|connection lost/.test(await gateway.logged()),
    },
  );
}

const deaths = (gateway: AttackedGateway, pids: readonly number[]): number =>
  pids.filter((pid) => !gateway.backends.includes(pid)).length;

async function recovers(post: () => Promise<number>): Promise<boolean> {
  for (let n = 0; n < 20; n += 1) {
    if ((await post()) === 204) return true;
    await delay(200);
  }
  return false;
}

const PROMISE =
  'no backend ends, clients are told 503 or 504, the log names the cause, and posts are 204 once the broker is itself';

export const noBroker: Attack = {
  name: 'a broker that is none',
  tries: `at the broker’s address something else answers: ${Object.keys(greetings).join(', ')}`,
  promise: PROMISE,
  alone: true,
  run: (world) =>
    posted(world, greetings, (link, bytes) => {
      link.greeting = bytes;
      link.cut();
    }),
};

export const corruptFrames: Attack = {
  name: 'corrupt frames',
  tries: `a connection that works says: ${Object.keys(injections).join(', ')}`,
  promise: PROMISE,
  alone: true,
  run: (world) => posted(world, injections, (link, bytes) => link.inject(bytes)),
};

export const endlessFrame: Attack = {
  name: 'an endless frame',
  tries: 'at the broker’s address somebody sends frames of 4 GB, of which as much comes as is taken',
  promise: 'what is read of a frame is bounded',
  alone: true,
  async run(world, signal) {
    const link = await ManglingLink.start(world.broker.port);
    world.onEnd(() => link.close());
    const settings = { rabbitmq: { port: link.port, ...timed.broker }, publishing: timed.publishing };
    const gateway = await world.startGateway({ settings });
    const [pid = 0] = gateway.backends;
    link.greeting = Buffer.concat([frame(METHOD, 0, '', 0xffff_fff0), Buffer.alloc(8 * 2 ** 20)]);
    const tally = new Tally();
    while (!signal.aborted) {
      tally.add((await world.post({ agent: false }, undefined, gateway.port)).status);
      for (let n = 0; n < 10; n += 1) link.inject(Buffer.alloc(8 * 2 ** 20));
    }
    const peak = world.peakOf(gateway);
    return finding(`answers: ${tally}; peak ${(peak / 2 ** 20).toFixed(0)} MiB`, {
      'the backend lives': gateway.backends.includes(pid),
      'all are 503': tally.others(503) === 0,
    });
  },
};
