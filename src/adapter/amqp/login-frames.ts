import { connect as connectTcp } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { BrokerHost } from './broker-hosts.ts';
import type { LoginRefusal } from './outcomes.ts';
import { tlsOptionsFor } from './tls-options.ts';

/** What every broker carries: AMQP's smallest frame_max. RabbitMQ's is 8192 since 4.1, and can be configured. */
const SURE_BYTES = 4_096;

const LIMITS = [SURE_BYTES, 8_192, 16_384];

/** RabbitMQ answers a login that it can read within milliseconds, and is silent for 3 s where the frame is too large. */
const SILENCE_MS = 500;

const GIVE_UP_MS = 5_000;

/** A broker may be restarted with another limit. */
const BELIEVED_MS = 60_000;

/** Who logs in, as far as it counts here. */
interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** A login is not sent: the broker would not read it. */
export class LoginTooLong extends Error {
  readonly refusal: LoginRefusal;

  constructor(bytes: number, limit: number) {
    const detail = `the credentials are too long: the broker reads logins of at most ${limit} bytes, these make ${bytes}`;
    super(detail);
    this.refusal = { kind: 'login-refused', detail, unasked: true };
  }
}

/**
 * How large a login each broker reads. One that is larger it answers by silence, as if it were away, so that is found
 * out with a login of nobody, and before the first that may be too large is sent.
 */
export class LoginFrames {
  /** Bytes of a login beside user name and password; known from the first. */
  #overhead: number | undefined;
  readonly #limits = new Map<BrokerHost, { readonly limit: number; readonly until: number }>();
  readonly #underWay = new Map<BrokerHost, Promise<number>>();

  /** Why no broker would read the login, where that is known. */
  refusalOf(login: Credentials, hosts: readonly BrokerHost[]): LoginRefusal | undefined {
    if (this.#overhead === undefined) return undefined;
    const bytes = this.#overhead + bytesOf(login);
    if (bytes <= SURE_BYTES) return undefined;
    const limit = Math.max(...hosts.map((host) => this.#known(host) ?? Number.POSITIVE_INFINITY));
    return bytes > limit ? new LoginTooLong(bytes, limit).refusal : undefined;
  }

  /** Judges a login that makes a frame of so many bytes. */
  judge(
    bytes: number,
    login: Credentials,
    host: BrokerHost,
    tls: ConnectionOptions | undefined,
  ): undefined | Promise<LoginTooLong | undefined> {
    this.#overhead = bytes - bytesOf(login);
    if (bytes <= SURE_BYTES) return undefined;
    return this.#limitOf(host, tls).then((limit) => (bytes > limit ? new LoginTooLong(bytes, limit) : undefined));
  }

  #known(host: BrokerHost): number | undefined {
    const known = this.#limits.get(host);
    return known && performance.now() < known.until ? known.limit : undefined;
  }

  #limitOf(host: BrokerHost, tls: ConnectionOptions | undefined): Promise<number> {
    const known = this.#known(host);
    if (known !== undefined) return Promise.resolve(known);
    const underWay = this.#underWay.get(host) ?? this.#findOut(host, tls);
    this.#underWay.set(host, underWay);
    return underWay;
  }

  async #findOut(host: BrokerHost, tls: ConnectionOptions | undefined): Promise<number> {
    let limit = Number.POSITIVE_INFINITY;
    for (const bytes of LIMITS) {
      if (await reads(bytes + 1, host, tls, () => this.#limits.delete(host))) continue;
      limit = bytes;
      break;
    }
    this.#limits.set(host, { limit, until: performance.now() + BELIEVED_MS });
    this.#underWay.delete(host);
    return limit;
  }
}

const bytesOf = ({ username, password }: Credentials): number =>
  Buffer.byteLength(username) + Buffer.byteLength(password);

/**
 * Whether the broker reads a login of so many bytes. Where it is not even there, the login itself finds that out.
 *
 * @param onLate the broker was not silent, only slow
 */
function reads(
  bytes: number,
  { host, port }: BrokerHost,
  tls: ConnectionOptions | undefined,
  onLate: () => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = tls ? connectTls({ ...tlsOptionsFor(host, tls), host, port }) : connectTcp({ host, port });
    socket.setTimeout(GIVE_UP_MS, () => socket.destroy());
    socket.unref();
    let sent = false;
    let silent = false;
    socket.on('error', () => {});
    socket.on('close', () => resolve(!sent));
    socket.on('data', () => {
      if (sent) {
        if (silent) onLate();
        resolve(true);
        socket.destroy();
        return;
      }
      sent = true;
      socket.write(loginOfNobody(bytes));
      setTimeout(() => {
        silent = true;
        resolve(false);
      }, SILENCE_MS).unref();
    });
    socket.write(PROTOCOL_HEADER);
  });
}

const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1');

/** connection.start-ok in a frame with a payload of so many bytes, from a client that wants to be told of a refusal. */
function loginOfNobody(bytes: number): Buffer {
  const capabilities = Buffer.concat([shortString('authentication_failure_close'), Buffer.from('t\x01')]);
  const properties = Buffer.concat([shortString('capabilities'), Buffer.from('F'), longString(capabilities)]);
  const before = Buffer.concat([Buffer.of(0, 10, 0, 11), longString(properties), shortString('PLAIN')]);
  const after = shortString('en_US');
  const response = Buffer.alloc(bytes - before.length - after.length - 4, 'x');
  response[0] = 0;
  response[2] = 0;
  const payload = Buffer.concat([before, longString(response), after]);
  return Buffer.concat([Buffer.of(1, 0, 0), uint32(payload.length), payload, Buffer.of(0xce)]);
}

const shortString = (text: string): Buffer => Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
const longString = (bytes: Buffer): Buffer => Buffer.concat([uint32(bytes.length), bytes]);

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
