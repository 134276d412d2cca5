import { writeTable } from '../../handler/message/table-encoding.ts';
import { encodedTableSize } from '../../handler/message/table-size.ts';
import type { Address, Properties } from '../../handler/publisher.ts';

/** @see https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf section 4.2.3 */
const FRAME = { method: 1, header: 2, body: 3, end: 0xce } as const;

/** Type, channel and length before a frame's content. */
const HEAD_BYTES = 7;

/** The same, and the octet that ends a frame. */
const FRAME_BYTES = HEAD_BYTES + 1;

const CLASS_BASIC = 60;
const METHOD_PUBLISH = 40;

/** Class, method, the reserved short, the two lengths and the bits of basic.publish. */
const PUBLISH_BYTES = 9;

const MANDATORY = 1;

/** Class, weight, body size and flags. */
const HEADER_BYTES = 14;

/** Bits of the flags of a content header; properties follow in this order. Section 4.2.6.1. */
const FLAG = {
  contentType: 0x8000,
  contentEncoding: 0x4000,
  headers: 0x2000,
  deliveryMode: 0x1000,
  priority: 0x0800,
  correlationId: 0x0400,
  replyTo: 0x0200,
  expiration: 0x0100,
  messageId: 0x0080,
  timestamp: 0x0040,
  type: 0x0020,
  userId: 0x0010,
  appId: 0x0008,
  clusterId: 0x0004,
} as const;

/** A longer body is sent from where it is, and not copied. */
const MAX_COPIED_BYTES = 16 * 1024;

/** Content of the frame that carries a message's properties, in bytes. */
export function contentHeaderSize(properties: Properties): number {
  const { headers, priority, timestamp } = properties;
  return (
    HEADER_BYTES +
    stringSize(properties.contentType) +
    stringSize(properties.contentEncoding) +
    headersSize(headers) +
    1 +
    (priority === undefined ? 0 : 1) +
    stringSize(properties.correlationId) +
    stringSize(properties.replyTo) +
    stringSize(properties.expiration) +
    stringSize(properties.messageId) +
    (timestamp === undefined ? 0 : 8) +
    stringSize(properties.type) +
    stringSize(properties.userId) +
    stringSize(properties.appId) +
    stringSize(properties.clusterId)
  );
}

function headersSize(headers: Properties['headers']): number {
  if (headers === undefined) return 0;
  return headers instanceof Uint8Array ? headers.length : encodedTableSize(headers);
}

const stringSize = (text: string | undefined): number => (text === undefined ? 0 : 1 + Buffer.byteLength(text));

export interface Publishing {
  readonly channel: number;
  readonly address: Address;
  readonly properties: Properties;
  readonly mandatory: boolean;
  readonly body: Uint8Array;
}

/**
 * The frames of one basic.publish: method, header and body. The buffers go to the network one after the other; a short
 * message is one of them.
 *
 * @param frameMax of the connection; the properties must fit one frame
 */
export function publishFrames(publishing: Publishing, frameMax: number): readonly Uint8Array[] {
  const { body } = publishing;
  const head = headSize(publishing);
  const maxPart = frameMax - FRAME_BYTES;
  if (body.length > MAX_COPIED_BYTES || body.length > maxPart) return inParts(publishing, head, maxPart);
  const bodyFrame = body.length > 0 ? FRAME_BYTES + body.length : 0;
  const out = Buffer.allocUnsafe(head + bodyFrame);
  const at = writeHead(out, publishing);
  if (body.length > 0) {
    out.set(body, writeFrameHead(out, FRAME.body, publishing.channel, body.length, at));
    out[at + HEAD_BYTES + body.length] = FRAME.end;
  }
  return [out];
}

/** The body lies between buffers that begin and end its frames. */
function inParts(publishing: Publishing, head: number, maxPart: number): readonly Uint8Array[] {
  const { body, channel } = publishing;
  const first = Buffer.allocUnsafe(head + HEAD_BYTES);
  const at = writeHead(first, publishing);
  writeFrameHead(first, FRAME.body, channel, Math.min(body.length, maxPart), at);
  const parts: Uint8Array[] = [first];
  for (let start = 0; start < body.length; start += maxPart) {
    const end = Math.min(start + maxPart, body.length);
    parts.push(body.subarray(start, end));
    const rest = Math.min(body.length - end, maxPart);
    const between = Buffer.allocUnsafe(rest > 0 ? FRAME_BYTES : 1);
    between[0] = FRAME.end;
    if (rest > 0) writeFrameHead(between, FRAME.body, channel, rest, 1);
    parts.push(between);
  }
  return parts;
}

/** Bytes of the method and the header frame. */
function headSize({ address: { exchange, routingKey }, properties }: Publishing): number {
  const method = PUBLISH_BYTES + Buffer.byteLength(exchange) + Buffer.byteLength(routingKey);
  return FRAME_BYTES + method + FRAME_BYTES + contentHeaderSize(properties);
}

/** Writes the method and the header frame; returns the offset behind them. */
function writeHead(out: Buffer, { channel, address, properties, mandatory, body }: Publishing): number {
  let at = HEAD_BYTES;
  at = out.writeUInt16BE(CLASS_BASIC, at);
  at = out.writeUInt16BE(METHOD_PUBLISH, at);
  at = out.writeUInt16BE(0, at);
  at = writeShortString(out, address.exchange, at);
  at = writeShortString(out, address.routingKey, at);
  out[at] = mandatory ? MANDATORY : 0;
  out[at + 1] = FRAME.end;
  writeFrameHead(out, FRAME.method, channel, at + 1 - HEAD_BYTES, 0);
  const header = at + 2;
  at = out.writeUInt16BE(CLASS_BASIC, header + HEAD_BYTES);
  at = out.writeUInt16BE(0, at);
  at = out.writeUInt32BE(0, at);
  at = out.writeUInt32BE(body.length, at);
  at = writeProperties(out, properties, at);
  out[at] = FRAME.end;
  writeFrameHead(out, FRAME.header, channel, at - header - HEAD_BYTES, header);
  return at + 1;
}

function writeFrameHead(out: Buffer, type: number, channel: number, length: number, offset: number): number {
  out[offset] = type;
  const at = out.writeUInt16BE(channel, offset + 1);
  return out.writeUInt32BE(length, at);
}

/** Writes the flags, and each property that there is. */
function writeProperties(out: Buffer, properties: Properties, offset: number): number {
  let flags: number = FLAG.deliveryMode;
  let at = offset + 2;
  const text = (value: string | undefined, flag: number): void => {
    if (value === undefined) return;
    flags |= flag;
    at = writeShortString(out, value, at);
  };
  text(properties.contentType, FLAG.contentType);
  text(properties.contentEncoding, FLAG.contentEncoding);
  if (properties.headers) {
    flags |= FLAG.headers;
    const { headers } = properties;
    if (headers instanceof Uint8Array) {
      out.set(headers, at);
      at += headers.length;
    } else at = writeTable(out, headers, at);
  }
  out[at] = properties.deliveryMode;
  at += 1;
  if (properties.priority !== undefined) {
    flags |= FLAG.priority;
    out[at] = properties.priority;
    at += 1;
  }
  text(properties.correlationId, FLAG.correlationId);
  text(properties.replyTo, FLAG.replyTo);
  text(properties.expiration, FLAG.expiration);
  text(properties.messageId, FLAG.messageId);
  if (properties.timestamp !== undefined) {
    flags |= FLAG.timestamp;
    at = out.writeBigUInt64BE(BigInt(properties.timestamp), at);
  }
  text(properties.type, FLAG.type);
  text(properties.userId, FLAG.userId);
  text(properties.appId, FLAG.appId);
  text(properties.clusterId, FLAG.clusterId);
  out.writeUInt16BE(flags, offset);
  return at;
}

/** A string of at most 255 bytes, with its length before it. */
function writeShortString(out: Buffer, text: string, offset: number): number {
  const length = out.write(text, offset + 1);
  out[offset] = length;
  return offset + 1 + length;
}
