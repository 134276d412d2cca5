/**
 * Uint8Array.indexOf is fast per byte and slow per call (some 60 ns), which is what a hostile body makes of it: a hit
 * at every other byte. So the bytes nearby are looked at one by one, and the rest is left to the native search: a call
 * is made at most once per that many bytes, whatever the bytes are.
 */
export const nearby = 48;

/** Where a byte stands at or after `from`; the length of `bytes` where it does not. */
export function findByte(bytes: Uint8Array, byte: number, from: number): number {
  const end = Math.min(from + nearby, bytes.length);
  for (let i = from; i < end; i += 1) if (bytes[i] === byte) return i;
  return end === bytes.length ? end : findByteNatively(bytes, byte, end);
}

/** `findByte` for where the byte is not expected nearby. */
export function findByteNatively(bytes: Uint8Array, byte: number, from: number): number {
  const found = bytes.indexOf(byte, from);
  return found < 0 ? bytes.length : found;
}

/**
 * `findByte` for callers whose `from` never falls, which keeps what it found: all calls together look at each byte
 * once, however seldom the byte occurs.
 */
export function byteFinder(bytes: Uint8Array, byte: number): (from: number) => number {
  let found = -1;
  return (from) => {
    if (found < from) found = findByte(bytes, byte, from);
    return found;
  };
}
