export const brokenEscape = 'broken percent-encoding: expected % and two hex digits';

/**
 * The bytes of a percent-encoded text (RFC 3986 section 2.1), or `undefined` where an escape is broken. A plus is a
 * plus.
 *
 * @param raw one character for each byte
 */
export function percentDecode(raw: string): Uint8Array | undefined {
  const bytes = new Uint8Array(raw.length);
  let length = 0;
  for (let i = 0; i < raw.length; i += 1) {
    let byte = raw.charCodeAt(i);
    if (byte === 0x25) {
      const digits = raw.slice(i + 1, i + 3);
      if (!/^[0-9A-Fa-f]{2}$/.test(digits)) return undefined;
      byte = Number.parseInt(digits, 16);
      i += 2;
    }
    bytes[length] = byte;
    length += 1;
  }
  return bytes.subarray(0, length);
}
