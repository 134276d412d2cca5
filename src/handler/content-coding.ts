import { type BodyOutcome, gather } from './body.ts';
import type { Admission } from './publisher.ts';

/** A content coding of RFC 9110 section 8.4.1 that can be decoded. */
export type ContentCoding = 'gzip' | 'deflate';

/** What a request with another coding is told to use (RFC 9110 section 12.5.3). */
export const ACCEPTED_CODINGS = 'gzip, deflate';

/** The coding that a `Content-Encoding` header names; `unknown` for any other, and for several at once. */
export function readContentCoding(header: string | null): ContentCoding | 'identity' | 'unknown' {
  if (header === null) return 'identity';
  const names = header.split(',').map((name) => name.trim().toLowerCase());
  const codings = names.filter((name) => name !== '' && name !== 'identity');
  const [coding = 'identity'] = codings;
  if (codings.length > 1) return 'unknown';
  switch (coding) {
    case 'identity':
    case 'gzip':
    case 'deflate':
      return coding;
    case 'x-gzip':
      return 'gzip';
    default:
      return 'unknown';
  }
}

export type DecodedBody = BodyOutcome | { readonly kind: 'undecodable'; readonly coding: ContentCoding };

type Room = Pick<Admission, 'reserve'>;

type Format = 'gzip' | 'deflate' | 'deflate-raw';

/** Bytes that are decoded before it is looked at whether there may be more. */
const SLICE = 16_384;

/** What a decoder takes in memory beside what comes out of it. */
const DECODER_BYTES = 65_536;

/**
 * A body without its coding. Room is asked for as it grows, so that a small body cannot become a large one in secret.
 *
 * @param maxBytes of the decoded body
 */
export async function decodeBody(
  bytes: Uint8Array,
  coding: ContentCoding,
  room: Room,
  maxBytes: number,
): Promise<DecodedBody> {
  if (!room.reserve(DECODER_BYTES)) return { kind: 'no-room' };
  // RFC 9110 means the zlib format (RFC 1950) by `deflate`; some clients send the bare data (RFC 1951).
  const formats: Format[] =
    coding === 'gzip' ? ['gzip'] : hasZlibHeader(bytes) ? ['deflate', 'deflate-raw'] : ['deflate-raw'];
  let decoded: BodyOutcome | undefined;
  for (const format of formats) decoded ??= await decode(bytes, format, room, maxBytes);
  room.reserve(-DECODER_BYTES);
  return decoded ?? { kind: 'undecodable', coding };
}

/** RFC 1950 section 2.2: the method is 8, and the two bytes are a multiple of 31. */
function hasZlibHeader([first = 0, second = 0]: Uint8Array): boolean {
  return (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0;
}

/** `undefined` where the bytes are not of that format. */
async function decode(
  bytes: Uint8Array,
  format: Format,
  room: Room,
  maxBytes: number,
): Promise<BodyOutcome | undefined> {
  const stream = new DecompressionStream(format);
  void write(bytes, stream);
  let reserved = 0;
  const reserve = (more: number): boolean => {
    if (!room.reserve(more)) return false;
    reserved += more;
    return true;
  };
  try {
    return await gather(stream.readable, { maxBytes, reserve });
  } catch {
    room.reserve(-reserved);
    return undefined;
  }
}

/** Writes no more than is read; that the data is broken is for the reader to see. */
async function write(bytes: Uint8Array, { writable }: DecompressionStream): Promise<void> {
  const writer = writable.getWriter();
  try {
    for (let start = 0; start < bytes.length; start += SLICE) {
      await writer.ready;
      await writer.write(new Uint8Array(bytes.subarray(start, start + SLICE)));
    }
    await writer.close();
  } catch {
    // As the reader has seen.
  }
}
