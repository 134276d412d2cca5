import { createServer, type Server, type Socket } from 'node:net';
import { BODY, HEADER, METHOD, methodFrame, shortString, startFrame, u8, u16, u32, u64 } from './frames.ts';

/** A message that the peer was sent. */
export interface Published {
  readonly channel: number;
  /** The delivery tag that its confirm is to carry. */
  readonly tag: bigint;
  readonly body: string;
}

/** What the peer answers to messages. */
export interface Answers {
  ack(channel: number, tag: bigint, multiple?: boolean): void;
  nack(channel: number, tag: bigint, multiple?: boolean): void;
  /** Closes the channel, as a broker does that refuses a message. */
  closeChannel(channel: number, code: number, text: string): void;
  /** Closes the connection. */
  closeConnection(code: number, text: string): void;
  /** Anything else. */
  send(bytes: Buffer): void;
}

export type Script = (message: Published, answers: Answers) => void;

/** What becomes of a frame on its way to the gateway. */
export type Tamper = (frame: Buffer) => Buffer;

const untouched: Tamper = (frame) => frame;

/** class id and method id */
const M = {
  tune: [10, 30],
  openOk: [10, 41],
  connectionClose: [10, 50],
  connectionCloseOk: [10, 51],
  channelOpenOk: [20, 11],
  channelClose: [20, 40],
  channelCloseOk: [20, 41],
  publish: [60, 40],
  ack: [60, 80],
  nack: [60, 120],
  confirmSelectOk: [85, 11],
} as const;

/**
 * Speaks just enough AMQP 0-9-1 to be published to, and answers as its script says: what a real broker will not do on
 * command.
 */
export class ScriptedPeer {
  readonly messages: Published[] = [];
  /** Connections that it has accepted so far. */
  accepted = 0;
  tamper = untouched;
  /** Given a login's frame; one that it does not take it closes the connection over, without a word, after so long. */
  takesLogin: (frame: string) => boolean = () => true;
  silenceMs = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #open = new Set<Socket>();

  private constructor(script: Script, maxConnections: number) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket
        .on('error', () => {})
        .on('close', () => {
          this.#sockets.delete(socket);
          this.#open.delete(socket);
        });
      const onMessage: Script = (message, answers) => {
        this.messages.push(message);
        script(message, answers);
      };
      const mayOpen = (): boolean => {
        if (this.#open.size >= maxConnections) return false;
        this.#open.add(socket);
        this.accepted += 1;
        return true;
      };
      new Conversation(
        socket,
        onMessage,
        mayOpen,
        (frame) => this.tamper(frame),
        (login) => {
          if (this.takesLogin(login)) return true;
          setTimeout(() => socket.destroy(), this.silenceMs);
          return false;
        },
      );
    });
  }

  /** @param maxConnections how many a user may have at once */
  static async start(script: Script, maxConnections = Number.POSITIVE_INFINITY): Promise<ScriptedPeer> {
    const peer = new ScriptedPeer(script, maxConnections);
    await new Promise<void>((resolve) => peer.#server.listen(0, '127.0.0.1', resolve));
    return peer;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

class Conversation implements Answers {
  readonly #socket: Socket;
  readonly #script: Script;
  readonly #mayOpen: () => boolean;
  readonly #tamper: Tamper;
  readonly #takesLogin: (frame: string) => boolean;
  readonly #tags = new Map<number, bigint>();
  readonly #bodies = new Map<number, { size: number; chunks: Buffer[] }>();
  /** Closed by us; what comes on them is discarded until the gateway has agreed. */
  readonly #closing = new Set<number>();
  #unread = Buffer.alloc(0);
  #greeted = false;

  constructor(
    socket: Socket,
    script: Script,
    mayOpen: () => boolean,
    tamper: Tamper,
    takesLogin: (frame: string) => boolean,
  ) {
    this.#socket = socket;
    this.#tamper = tamper;
    this.#takesLogin = takesLogin;
    this.#script = script;
    this.#mayOpen = mayOpen;
    socket.on('data', (chunk) => this.#read(chunk));
  }

  ack(channel: number, tag: bigint, multiple = false): void {
    this.#method(channel, M.ack, u64(tag), u8(multiple ? 1 : 0));
  }

  nack(channel: number, tag: bigint, multiple = false): void {
    this.#method(channel, M.nack, u64(tag), u8(multiple ? 1 : 0));
  }

  closeChannel(channel: number, code: number, text: string): void {
    this.#closing.add(channel);
    this.#method(channel, M.channelClose, u16(code), shortString(text), u16(M.publish[0]), u16(M.publish[1]));
  }

  closeConnection(code: number, text: string): void {
    this.#method(0, M.connectionClose, u16(code), shortString(text), u16(0), u16(0));
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  #read(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    if (!this.#greeted && this.#unread.length >= 8) {
      this.#greeted = true;
      this.#unread = this.#unread.subarray(8);
      this.#write(startFrame());
    }
    while (this.#unread.length >= 8) {
      const size = this.#unread.readUInt32BE(3);
      if (this.#unread.length < size + 8) return;
      const [type = 0] = this.#unread;
      const channel = this.#unread.readUInt16BE(1);
      const payload = this.#unread.subarray(7, 7 + size);
      this.#unread = this.#unread.subarray(size + 8);
      this.#onFrame(type, channel, payload);
    }
  }

  #onFrame(type: number, channel: number, payload: Buffer): void {
    const method = type === METHOD ? `${payload.readUInt16BE(0)}.${payload.readUInt16BE(2)}` : '';
    if (this.#closing.has(channel) && method !== '20.41') return;
    if (method === '20.41') this.#closing.delete(channel);
    if (type === METHOD) this.#onMethod(channel, method, payload);
    if (type === HEADER) {
      this.#bodies.set(channel, { size: Number(payload.readBigUInt64BE(4)), chunks: [] });
      this.#onBody(channel, Buffer.alloc(0));
    }
    if (type === BODY) this.#onBody(channel, payload);
  }

  #onMethod(channel: number, method: string, payload: Buffer): void {
    switch (method) {
      case '10.11':
        if (this.#takesLogin(payload.toString('latin1'))) this.#method(0, M.tune, u16(0), u32(131_072), u16(60));
        break;
      case '10.40':
        if (this.#mayOpen()) this.#method(0, M.openOk, shortString(''));
        else
          this.closeConnection(
            530,
            "NOT_ALLOWED - access to vhost 'v' refused for user 'guest': connection limit is reached",
          );
        break;
      case '10.50':
        this.#method(0, M.connectionCloseOk);
        this.#socket.end();
        break;
      case '10.51':
        this.#socket.end();
        break;
      case '20.10':
        this.#method(channel, M.channelOpenOk, u32(0));
        break;
      case '20.40':
        this.#method(channel, M.channelCloseOk);
        break;
      case '85.10':
        this.#tags.set(channel, 0n);
        this.#method(channel, M.confirmSelectOk);
    }
  }

  #onBody(channel: number, payload: Buffer): void {
    const body = this.#bodies.get(channel);
    if (!body) return;
    body.chunks.push(payload);
    const bytes = Buffer.concat(body.chunks);
    if (bytes.length < body.size) return;
    this.#bodies.delete(channel);
    const tag = (this.#tags.get(channel) ?? 0n) + 1n;
    this.#tags.set(channel, tag);
    this.#script({ channel, tag, body: bytes.toString() }, this);
  }

  #method(channel: number, method: readonly [number, number], ...args: Buffer[]): void {
    this.#write(methodFrame(channel, method, ...args));
  }

  #write(frame: Buffer): void {
    this.#socket.write(this.#tamper(frame));
  }
}
