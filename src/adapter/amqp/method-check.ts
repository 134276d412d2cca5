import { endOfLong, endOfShort, endOfTable } from './table-check.ts';

/** The login that this client has. */
export const MECHANISM = 'PLAIN';

const METHOD_ID_BYTES = 4;

const CLASS_CONNECTION = 10;

type Skip = (bytes: Buffer, offset: number) => number | undefined;

const fixed =
  (size: number): Skip =>
  (bytes, offset) =>
    offset + size <= bytes.length ? offset + size : undefined;

interface Method {
  readonly name: string;
  /** What it carries. More may follow, of a later version. */
  readonly fields: readonly Skip[];
}

const idOf = (classId: number, methodId: number): number => (classId << 16) | methodId;

/** basic.ack and basic.nack: a tag and a bit. There is one of them for each message. */
const CONFIRMS: readonly number[] = [idOf(60, 80), idOf(60, 120)];
const CONFIRM_BYTES = METHOD_ID_BYTES + 9;

/** All that a broker says to a client that publishes and does nothing else. */
const METHODS: ReadonlyMap<number, Method> = new Map([
  [idOf(10, 10), { name: 'connection.start', fields: [fixed(2), endOfTable, endOfLong, endOfLong] }],
  [idOf(10, 30), { name: 'connection.tune', fields: [fixed(8)] }],
  [idOf(10, 41), { name: 'connection.open-ok', fields: [endOfShort] }],
  [idOf(10, 50), { name: 'connection.close', fields: [fixed(2), endOfShort, fixed(4)] }],
  [idOf(10, 51), { name: 'connection.close-ok', fields: [] }],
  [idOf(10, 60), { name: 'connection.blocked', fields: [endOfShort] }],
  [idOf(10, 61), { name: 'connection.unblocked', fields: [] }],
  [idOf(20, 11), { name: 'channel.open-ok', fields: [endOfLong] }],
  [idOf(20, 40), { name: 'channel.close', fields: [fixed(2), endOfShort, fixed(4)] }],
  [idOf(20, 41), { name: 'channel.close-ok', fields: [] }],
  [idOf(60, 50), { name: 'basic.return', fields: [fixed(2), endOfShort, endOfShort, endOfShort] }],
  [idOf(60, 80), { name: 'basic.ack', fields: [fixed(9)] }],
  [idOf(60, 120), { name: 'basic.nack', fields: [fixed(9)] }],
  [idOf(85, 11), { name: 'confirm.select-ok', fields: [] }],
]);

/** Whether a method's payload is a whole confirm. */
export const isConfirm = (bytes: Buffer, size: number): boolean =>
  size === CONFIRM_BYTES && CONFIRMS.includes(bytes.readUInt32BE(0));

export function methodName(payload: Buffer): string {
  if (payload.length < METHOD_ID_BYTES) return 'a method without a name';
  return METHODS.get(payload.readUInt32BE(0))?.name ?? `method ${payload.readUInt16BE(0)}.${payload.readUInt16BE(2)}`;
}

/** Why a method cannot be read, or is none that this client may be sent. */
export function methodFault(name: string, payload: Buffer, channel: number): string | undefined {
  const method = payload.length < METHOD_ID_BYTES ? undefined : METHODS.get(payload.readUInt32BE(0));
  if (!method) return `the peer sent ${name}, which this client never asks for`;
  if ((payload.readUInt16BE(0) === CLASS_CONNECTION) !== (channel === 0))
    return `the peer sent ${name} on channel ${channel}`;
  let at: number | undefined = METHOD_ID_BYTES;
  for (const skip of method.fields) if (at !== undefined) at = skip(payload, at);
  return at === undefined ? `the peer sent a broken ${name}` : undefined;
}

/** A short string with its length before it, and a bit that is set. */
const TELLS_REFUSALS = Buffer.from('\x1cauthentication_failure_closet\x01');

/** What a well-formed connection.start says. */
export function startOf(payload: Buffer): { readonly mechanisms: readonly string[]; readonly tellsRefusals: boolean } {
  const properties = METHOD_ID_BYTES + 2;
  const end = endOfTable(payload, properties) ?? properties;
  const mechanisms = payload.toString('latin1', end + 4, endOfLong(payload, end));
  return {
    mechanisms: mechanisms.split(' '),
    tellsRefusals: payload.subarray(properties, end).includes(TELLS_REFUSALS),
  };
}

/** AMQP's smallest frame_max; 0 is none. */
const MIN_FRAME_MAX = 4_096;

/** Why a well-formed connection.tune asks for too much. */
export function tuneFault(payload: Buffer): string | undefined {
  const frameMax = payload.readUInt32BE(METHOD_ID_BYTES + 2);
  return frameMax > 0 && frameMax < MIN_FRAME_MAX
    ? `the peer wants frames of at most ${frameMax} bytes; AMQP's least is ${MIN_FRAME_MAX}`
    : undefined;
}
