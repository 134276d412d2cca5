import { isShortString } from './utf8.ts';

export type MessageIdResult =
  | { readonly ok: true; readonly messageId: string | undefined }
  | { readonly ok: false; readonly message: string };

const visible = /^[\x20-\x7e]*$/;
const quotedString = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;

/**
 * The message id in an `Idempotency-Key` header: a structured field's string (RFC 8941 section 3.3.3, which is what the
 * IETF's draft asks for) without its quotes and escapes, or the bare value that many clients send. Nothing in it is
 * no message id.
 *
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
export function toMessageId(header: string): MessageIdResult {
  if (!visible.test(header)) return { ok: false, message: 'expected printable ASCII' };
  const quoted = quotedString.exec(header)?.[1];
  if (quoted === undefined && header.startsWith('"')) return { ok: false, message: 'expected one quoted string' };
  const messageId = quoted?.replace(/\\(.)/g, '$1') ?? header;
  if (!isShortString(messageId)) return { ok: false, message: 'expected at most 255 bytes' };
  return { ok: true, messageId: messageId === '' ? undefined : messageId };
}
