/** Frames of AMQP 0-9-1, for peers that a test scripts. */

export const METHOD = 1;
export const HEADER = 2;
export const BODY = 3;
export const HEARTBEAT = 8;

export const u8 = (value: number): Buffer => Buffer.of(value);
export const u16 = (value: number): Buffer => Buffer.of(value >> 8, value & 0xff);
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value));
  return bytes;
}
export const shortString = (text: string): Buffer => Buffer.concat([u8(Buffer.byteLength(text)), Buffer.from(text)]);
export const longString = (text: string | Buffer): Buffer =>
  Buffer.concat([u32(Buffer.byteLength(text)), Buffer.from(text)]);

export const frame = (type: number, channel: number, payload: Buffer): Buffer =>
  Buffer.concat([u8(type), u16(channel), u32(payload.length), payload, u8(0xce)]);

export const methodFrame = (
  channel: number,
  [classId, methodId]: readonly [number, number],
  ...args: Buffer[]
): Buffer => frame(METHOD, channel, Buffer.concat([u16(classId), u16(methodId), ...args]));

/** connection.start, of a broker that may not tell when it refuses a login. */
export const startFrame = (properties = longString(''), mechanisms = 'PLAIN AMQPLAIN'): Buffer =>
  methodFrame(0, [10, 10], u8(0), u8(9), properties, longString(mechanisms), longString('en_US'));

/** The server properties of a broker that tells when it refuses a login. */
export const TELLS_REFUSALS = longString(
  Buffer.concat([
    shortString('capabilities'),
    Buffer.from('F'),
    longString(Buffer.concat([shortString('authentication_failure_close'), Buffer.from('t\x01')])),
  ]),
);

/** Tables in tables. */
export function nested(depth: number): Buffer {
  let table = longString('');
  for (let level = 0; level < depth; level += 1)
    table = longString(Buffer.concat([shortString('k'), Buffer.from('F'), table]));
  return table;
}
