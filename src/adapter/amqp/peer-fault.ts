/** The peer sent what no broker sends, or what this client cannot read. The connection to it ends. */
export class PeerFault extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'PeerFault';
  }
}

const MAX_SHOWN = 40;

/** The first line of what a peer sent, such as `'HTTP/1.1 400 Bad Request'`, safe to print. */
export function shownBytes(bytes: Buffer): string {
  const end = bytes.findIndex((byte) => byte === 0x0a || byte === 0x0d);
  const line = end > 0 ? bytes.subarray(0, end) : bytes;
  const shown = Array.from(line.subarray(0, MAX_SHOWN), (byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x27 && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, '0')}`,
  ).join('');
  return `'${shown}${line.length > MAX_SHOWN ? '…' : ''}'`;
}
