import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

const PROTOCOL_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]);
// A method frame (1) on channel 0, after 4 bytes of length: class 10 (connection), method 10 (start).
const METHOD_FRAME_START = Buffer.from([1, 0, 0]);
const CONNECTION_START = Buffer.from([0, 10, 0, 10]);
const ENOUGH_BYTES = 11;

/** Where to look for a broker. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
  /** Speak TLS first, with these options. */
  readonly tls?: ConnectionOptions;
}

/** Whether an AMQP 0-9-1 broker answers there: it sends Connection.Start. Never rejects. */
export function answersAmqp(address: BrokerAddress, timeoutMs = 2_000): Promise<boolean> {
  return new Promise((resolve) => {
    const { host, port, tls } = address;
    const socket: Socket = tls ? connectTls({ host, port, ...tls }) : connectTcp({ host, port });
    const timer = setTimeout(() => settle(false), timeoutMs);
    let received: Buffer = Buffer.alloc(0);
    const settle = (answer: boolean) => {
      clearTimeout(timer);
      resolve(answer);
      socket.destroy();
    };
    socket.once(tls ? 'secureConnect' : 'connect', () => socket.write(PROTOCOL_HEADER));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= ENOUGH_BYTES) settle(isConnectionStart(received));
    });
    socket.on('error', () => settle(false));
    socket.on('close', () => settle(false));
  });
}

function isConnectionStart(bytes: Buffer): boolean {
  return bytes.subarray(0, 3).equals(METHOD_FRAME_START) && bytes.subarray(7, 11).equals(CONNECTION_START);
}
