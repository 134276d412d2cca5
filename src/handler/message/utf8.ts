/**
 * UTF-8, strictly: nothing is replaced, nothing is stripped. What cannot be read as UTF-8 or written as such is
 * `undefined`, for the broker and the consumer would otherwise see other characters than the client sent.
 */

// ignoreBOM leaves a byte order mark where it is: it is a character of the name or value like any other.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes as text, or `undefined` where they are not UTF-8 (overlong forms and surrogates included). */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** How many bytes a text takes as UTF-8, or `undefined` where it holds a lone surrogate and has no UTF-8 form. */
export function utf8Length(text: string): number | undefined {
  let length = text.length;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    length += unit < 0x800 ? 1 : 2;
    if ((unit & 0xf800) !== 0xd800) continue;
    // A pair is two units and four bytes: the two that were just added are all that it lacks.
    const next = text.charCodeAt(i + 1);
    if (unit >= 0xdc00 || (next & 0xfc00) !== 0xdc00) return undefined;
    i += 1;
  }
  return length;
}

/** The longest AMQP short string, in bytes of UTF-8. A longer one has no form on the wire. */
export const maxShortString = 255;

/** Whether a text can be an AMQP short string, as it is: RabbitMQ clients cut what is too long. */
export function isShortString(text: string): boolean {
  if (text.length > maxShortString) return false;
  const length = utf8Length(text);
  return length !== undefined && length <= maxShortString;
}

/**
 * The text of a request header that came as one character per byte, which is how the Fetch standard hands headers
 * over. `undefined` where the bytes are not UTF-8.
 */
export function decodeByteString(value: string): string | undefined {
  return /^[\x20-\x7e]*$/.test(value) ? value : decodeUtf8(byteStringToBytes(value));
}

/** One byte per character; characters past U+00FF, which no header or request line can hold, lose their high bits. */
export function byteStringToBytes(value: string): Uint8Array {
  const bytes = new Uint8Array(value.length);
  for (let i = 0; i < value.length; i += 1) bytes[i] = value.charCodeAt(i);
  return bytes;
}
