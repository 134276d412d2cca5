import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeCertificates } from './support/certificates.ts';
import {
  BODY,
  frame,
  HEADER,
  HEARTBEAT,
  longString,
  METHOD,
  methodFrame,
  nested,
  shortString,
  startFrame,
  TELLS_REFUSALS,
  u8,
  u16,
  u32,
  u64,
} from './support/frames.ts';
import { GatewayProcess } from './support/gateway.ts';
import { type Answer, FORM, http } from './support/http.ts';
import { ScriptedPeer } from './support/scripted-peer.ts';

const NO_AMQP = 'the peer does not speak AMQP 0-9-1: it sent';
const start = startFrame(TELLS_REFUSALS);
const tune = (channelMax: number, frameMax: number, heartbeat: number): Buffer =>
  methodFrame(0, [10, 30], u16(channelMax), u32(frameMax), u16(heartbeat));
const close = (code: number, text: string): Buffer =>
  methodFrame(0, [10, 50], u16(code), shortString(text), u16(0), u16(0));
/** The same frame with a length that is not its own. */
function ofLength(bytes: Buffer, length: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt32BE(length, 3);
  return changed;
}
const withoutEnd = (bytes: Buffer): Buffer => Buffer.concat([bytes.subarray(0, -1), u8(0)]);
const table = (...members: Buffer[]): Buffer => longString(Buffer.concat([shortString('k'), ...members]));
const member = (type: string, ...value: Buffer[]): Buffer => Buffer.concat([Buffer.from(type), ...value]);

const get = async (gateway: GatewayProcess, path: string) =>
  JSON.parse((await http(gateway.port, path, { method: 'GET' })).text);
const pidOf = async (gateway: GatewayProcess): Promise<unknown> => (await get(gateway, '/stats')).pid;
const post = (gateway: GatewayProcess, body: string, username = 'u'): Promise<Answer> =>
  http(gateway.port, '/v/x/k', { user: { username, password: 'p' }, body: `body=${body}`, headers: FORM });
const verdict = ({ status, problem }: Answer) => [status, problem.type, problem.published];

const sockets = new Set<Socket>();
async function listening<S extends Server>(server: S): Promise<number> {
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

type Speech = (socket: Socket) => void;
const says =
  (...bytes: (Buffer | string)[]): Speech =>
  (socket) =>
    socket.once('data', () => {
      for (const each of bytes) socket.write(each);
    });
const trickles: Speech = (socket) => {
  let at = 0;
  const timer = setInterval(() => socket.write(start.subarray(at, ++at)), 20);
  socket.on('close', () => clearInterval(timer));
};

describe('a peer that stands where a broker should, and is none', () => {
  const PEERS: readonly [string, Speech, string][] = [
    [
      'a web server',
      says('HTTP/1.1 400 Bad Request\r\nDate: Thu, 01 Jan 1970\r\nContent-Length: 0\r\n\r\n'),
      `${NO_AMQP} 'HTTP/1.1 400 Bad Request'`,
    ],
    [
      'a web server at length',
      says(`HTTP/1.1 404 ${'Not Found '.repeat(100_000)}`),
      `${NO_AMQP} 'HTTP/1.1 404 Not Found Not Found Not Fou…'`,
    ],
    ['an SSH server', (socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'), `${NO_AMQP} 'SSH-2.0-OpenSSH_9.2'`],
    ['a mail server', (socket) => socket.write('220 mail ESMTP\r\n'), `${NO_AMQP} '220 mail ESMTP'`],
    [
      'a TLS server',
      (socket) => socket.end(Buffer.from('\x15\x03\x03\x00\x02\x02\x28', 'latin1')),
      `${NO_AMQP} '\\x15\\x03\\x03\\x00\\x02\\x02('`,
    ],
    [
      'an AMQP 1.0 broker',
      says('AMQP\x00\x01\x00\x00'),
      "the peer wants another AMQP than 0-9-1: it sent 'AMQP\\x00\\x01\\x00\\x00'",
    ],
    [
      'an AMQP 1.0 broker that asks for SASL',
      says('AMQP\x03\x01\x00\x00'),
      "the peer wants another AMQP than 0-9-1: it sent 'AMQP\\x03\\x01\\x00\\x00'",
    ],
    [
      'a broker of AMQP 0-8',
      says('AMQP\x01\x01\x08\x00'),
      "the peer wants another AMQP than 0-9-1: it sent 'AMQP\\x01\\x01\\x08\\x00'",
    ],
    [
      'an echo',
      (socket) => socket.pipe(socket),
      "the peer wants another AMQP than 0-9-1: it sent 'AMQP\\x00\\x00\\x09\\x01'",
    ],
    ['zeros', says(Buffer.alloc(1_000)), `${NO_AMQP} '${'\\x00'.repeat(40)}…'`],
    ['a frame of 4 GB', says(ofLength(start, 0xffffffff)), expect.stringContaining(NO_AMQP)],
    [
      'a frame of 8 MB',
      says(ofLength(start, 8_000_000)),
      'the peer sent a frame of 8000000 bytes, over frame_max, which is 131072',
    ],
    [
      '4 GB after a good start',
      says(start, ofLength(tune(0, 0, 0), 0xffffffff)),
      'the peer sent a frame of 4294967295 bytes, over frame_max, which is 131072',
    ],
    [
      'a frame without its end',
      says(withoutEnd(start)),
      'the peer sent a frame without its end: the stream is corrupt',
    ],
    ['noise after a good start', says(start, Buffer.alloc(1 << 20, 7)), 'the peer sent a frame of the unknown type 7'],
    ['properties that are cut off', says(startFrame(u32(1_000))), 'the peer sent a broken connection.start'],
    ['a value of no known type', says(startFrame(table(member('?')))), 'the peer sent a broken connection.start'],
    [
      'a text longer than its frame',
      says(startFrame(table(member('S', u32(0x7fffffff))))),
      'the peer sent a broken connection.start',
    ],
    [
      'an array longer than its frame',
      says(startFrame(table(member('A', u32(99))))),
      'the peer sent a broken connection.start',
    ],
    ['tables in tables', says(startFrame(nested(15_000))), 'the peer sent a broken connection.start'],
    [
      'no login with a password',
      says(startFrame(TELLS_REFUSALS, 'EXTERNAL AMQPLAIN')),
      "the peer offers no login with user name and password: 'EXTERNAL AMQPLAIN'",
    ],
    [
      'a challenge',
      says(start, methodFrame(0, [10, 20], longString('who are you?'))),
      'the peer sent method 10.20, which this client never asks for',
    ],
    [
      'a heartbeat',
      says(start, frame(HEARTBEAT, 0, Buffer.alloc(0))),
      'the peer sent a frame of type 8 where connection.tune was expected',
    ],
    [
      'its end before its beginning',
      says(start, methodFrame(0, [10, 41], shortString(''))),
      'the peer sent connection.open-ok where connection.tune was expected',
    ],
    [
      'a start on another channel',
      says(start, methodFrame(7, [10, 30], u16(0), u32(0), u16(0))),
      'the peer sent connection.tune on channel 7',
    ],
    ['frames of 8 bytes', says(start, tune(1, 8, 1)), "the peer wants frames of at most 8 bytes; AMQP's least is 4096"],
    [
      'a redirection',
      says(start, methodFrame(0, [10, 42], shortString('elsewhere'), shortString(''))),
      'the peer sent method 10.42, which this client never asks for',
    ],
    ['a goodbye without a reason', says(start, close(0, '')), 'closed with the code 0, without a reason'],
    ['a goodbye of many words', says(start, close(65_535, `odd: ${'x'.repeat(200)}`)), `odd: ${'x'.repeat(200)}`],
    ['half a goodbye', says(start, methodFrame(0, [10, 50], u16(320))), 'the peer sent a broken connection.close'],
    ['one byte after the other', trickles, 'no answer during the AMQP handshake'],
  ];

  let gateway: GatewayProcess;
  let good: ScriptedPeer;
  let servers: Server[];
  let causes: unknown[];
  let pid: unknown;
  let answer: Answer;

  beforeAll(async () => {
    good = await ScriptedPeer.start(({ channel, tag }, answers) => answers.ack(channel, tag));
    servers = PEERS.map(([, speech]) => createServer(speech));
    const hosts: string[] = [];
    for (const server of servers) hosts.push(`127.0.0.1:${await listening(server)}`);
    hosts.push(`127.0.0.1:${good.port}`);
    gateway = await GatewayProcess.start({
      rabbitmq: { hosts, connect_timeout: 5 },
      publishing: { publish_timeout: 100 },
    });
    pid = await pidOf(gateway);
    answer = await post(gateway, 'x');
    const { unreachable } = await get(gateway, '/readyz');
    causes = servers.map((server) => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      return unreachable.find((host: { port: number }) => host.port === port)?.cause;
    });
  });
  afterAll(async () => {
    await gateway?.stop();
    await good?.close();
    for (const socket of sockets) socket.destroy();
    for (const server of servers ?? []) server.close();
  });

  it.each(PEERS.map(([name, , cause], n) => [name, cause, n] as const))(
    'is told from one, and the log, /readyz and /stats say why: %s',
    async (_, cause, n) => {
      expect(causes[n]).toEqual(cause);
      expect(gateway.stderr).toContain(`"cause":${JSON.stringify(causes[n])}`);
      const { unreachable } = (await get(gateway, '/stats')).state;
      expect(unreachable).toContainEqual(expect.objectContaining({ cause }));
    },
  );

  it('is passed over: the message goes to one that is a broker, by the same process', async () => {
    expect(answer.status).toBe(204);
    expect(await pidOf(gateway)).toBe(pid);
    expect(gateway.stderr).not.toMatch(/backend died|uncaught|unhandled|a bug/i);
  });
});

it('a web server behind TLS is no broker, and nothing is published', async () => {
  const certificates = makeCertificates();
  const server = createTlsServer(
    { key: readFileSync(certificates.key), cert: readFileSync(certificates.cert) },
    says('HTTP/1.1 400 Bad Request\r\n\r\n'),
  );
  const port = await listening(server);
  const gateway = await GatewayProcess.start({
    rabbitmq: { host: 'localhost', port, tls: { ca: certificates.ca } },
    publishing: { publish_timeout: 3 },
  });
  onTestFinished(async () => {
    await gateway.stop();
    server.close();
    certificates.delete();
  });
  const pid = await pidOf(gateway);
  const answer = await post(gateway, 'x');
  expect(verdict(answer)).toEqual([503, 'urn:statelessd:broker-unavailable', 'no']);
  expect(answer.text).not.toContain('HTTP/1.1');
  await gateway.says('RabbitMQ cannot be reached');
  expect((await get(gateway, '/readyz')).unreachable).toMatchObject([
    { cause: `${NO_AMQP} 'HTTP/1.1 400 Bad Request'` },
  ]);
  expect(await pidOf(gateway)).toBe(pid);
});

describe('a broker that answers a message with what no broker sends', () => {
  let peer: ScriptedPeer;
  let gateway: GatewayProcess;
  let pid: unknown;
  /** @param channel that of the message */
  type Answering = (channel: number) => Buffer;
  let answering: Answering;

  beforeAll(async () => {
    peer = await ScriptedPeer.start(({ channel, tag, body }, answers) => {
      if (body === 'poison') answers.send(answering(channel));
      else answers.ack(channel, tag);
    });
    gateway = await GatewayProcess.start({
      broker: { port: peer.port, managementPort: 0 },
      publishing: { publish_timeout: 10 },
    });
    pid = await pidOf(gateway);
  });
  afterAll(async () => {
    await gateway?.stop();
    await peer?.close();
  });

  const ack = (channel: number, tag: bigint, multiple = 0): Buffer =>
    methodFrame(channel, [60, 80], u64(tag), u8(multiple));
  const returning = (channel: number): Buffer =>
    methodFrame(channel, [60, 50], u16(312), shortString('NO_ROUTE'), shortString('x'), shortString('k'));
  const header = (channel: number, size: bigint, flags = 0, ...properties: Buffer[]): Buffer =>
    frame(HEADER, channel, Buffer.concat([u16(60), u16(0), u64(size), u16(flags), ...properties]));
  const body = (channel: number, bytes: number): Buffer => frame(BODY, channel, Buffer.alloc(bytes));

  it.each<[string, Answering, string]>([
    ['a frame of 4 GB', (channel) => ofLength(ack(channel, 1n), 0xffffffff), 'frame of 4294967295 bytes'],
    ['a frame of 2 GB', (channel) => ofLength(ack(channel, 1n), 0x7fffffff), 'frame of 2147483647 bytes'],
    ['a frame over frame_max', (channel) => body(channel, 131_073), 'frame of 131073 bytes, over frame_max'],
    ['a frame without its end', (channel) => withoutEnd(ack(channel, 1n)), 'without its end'],
    ['a frame of no known type', (channel) => frame(99, channel, Buffer.alloc(9)), 'unknown type 99'],
    ['an empty method', (channel) => frame(METHOD, channel, Buffer.alloc(0)), 'a method without a name'],
    ['an unknown method', (channel) => methodFrame(channel, [60, 61]), 'method 60.61'],
    [
      'a delivery',
      (channel) => methodFrame(channel, [60, 60], shortString('c'), u64(1n), u8(0), shortString('x'), shortString('k')),
      'method 60.60',
    ],
    ['half a confirm', (channel) => methodFrame(channel, [60, 80], u32(0)), 'a broken basic.ack'],
    ['a heartbeat with content', () => frame(HEARTBEAT, 0, u8(1)), 'a heartbeat with content'],
    ['a heartbeat on a channel', (channel) => frame(HEARTBEAT, channel, Buffer.alloc(0)), 'a heartbeat with content'],
    ['a second start', () => startFrame(), 'connection.start on an open connection'],
    ['a web page', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'unknown type 72'],
    ['a confirm on a channel that is not open', () => ack(999, 1n), 'channel 999'],
    ['a confirm on channel 0', () => ack(0, 1n), 'basic.ack on channel 0'],
    [
      'an end of a channel that is not open',
      () => methodFrame(999, [20, 40], u16(404), shortString('gone'), u32(0)),
      'channel',
    ],
    [
      'a block on a channel',
      (channel) => methodFrame(channel, [10, 60], shortString('')),
      'connection.blocked on channel',
    ],
    ['a confirm of a message that was never sent', (channel) => ack(channel, 1_000n), 'never sent'],
    ['a confirm of many that were never sent', (channel) => ack(channel, 1_000n, 1), 'never sent'],
    ['a confirm with a negative tag', (channel) => ack(channel, -1n), 'never sent'],
    ['a nack of message 0', (channel) => methodFrame(channel, [60, 120], u64(0n), u8(0)), 'never sent'],
    ['a header out of nowhere', (channel) => header(channel, 6n), 'a client that consumes none'],
    ['a body out of nowhere', (channel) => body(channel, 6), 'a client that consumes none'],
    ['a header on channel 0', () => header(0, 6n), 'on channel 0'],
    [
      'a return of 4 GB',
      (channel) => Buffer.concat([returning(channel), header(channel, 0xffffffffn)]),
      'longer message than was sent',
    ],
    [
      'a return of more than can be',
      (channel) => Buffer.concat([returning(channel), header(channel, -1n)]),
      'longer message than was sent',
    ],
    [
      'a longer body than announced',
      (channel) => Buffer.concat([returning(channel), header(channel, 6n), body(channel, 7)]),
      'more of a message',
    ],
    [
      'a body before its header',
      (channel) => Buffer.concat([returning(channel), body(channel, 1)]),
      'more of a message',
    ],
    [
      'two headers',
      (channel) => Buffer.concat([returning(channel), header(channel, 6n), header(channel, 6n)]),
      'second header',
    ],
    [
      'a confirm within a return',
      (channel) => Buffer.concat([returning(channel), ack(channel, 1n)]),
      'in the middle of a returned message',
    ],
    [
      'a return within a return',
      (channel) => Buffer.concat([returning(channel), header(channel, 6n), returning(channel)]),
      'in the middle',
    ],
    ['half a return', (channel) => methodFrame(channel, [60, 50], u16(312), u8(200)), 'a broken basic.return'],
    [
      'half a header',
      (channel) => Buffer.concat([returning(channel), frame(HEADER, channel, u32(0))]),
      'a broken message header',
    ],
    [
      'headers that are cut off',
      (channel) => Buffer.concat([returning(channel), header(channel, 6n, 0x2000, u32(1_000))]),
      'a broken message header',
    ],
    [
      'headers of no known type',
      (channel) => Buffer.concat([returning(channel), header(channel, 6n, 0x2000, table(member('?')))]),
      'a broken message header',
    ],
    [
      'headers in headers',
      (channel) => Buffer.concat([returning(channel), header(channel, 6n, 0x2000, nested(15_000))]),
      'a broken message header',
    ],
    [
      'a property longer than its frame',
      (channel) => Buffer.concat([returning(channel), header(channel, 6n, 0x8000, u8(255))]),
      'a broken message header',
    ],
    [
      'a goodbye, over and over, and stays',
      () => Buffer.concat(Array.from({ length: 100 }, () => close(320, 'CONNECTION_FORCED - bye'))),
      'CONNECTION_FORCED - bye',
    ],
  ])('loses that connection, and nothing else: %s', async (_, bytes, cause) => {
    answering = bytes;
    const lines = gateway.stderr.length;
    const [poison] = await Promise.all([post(gateway, 'poison'), post(gateway, 'innocent')]);
    expect(verdict(poison)).toEqual([504, 'urn:statelessd:confirm-timeout', 'unknown']);
    expect((await post(gateway, 'innocent')).status).toBe(204);
    const lost = gateway.stderr
      .slice(lines)
      .split('\n')
      .filter((line) => line.includes('connection lost'));
    expect(lost.map((line) => JSON.parse(line).cause)).toContainEqual(expect.stringContaining(cause));
    expect(await pidOf(gateway)).toBe(pid);
  });
});
