import { describe, expect, it } from 'vitest';
import { toMessageId } from '../../../src/handler/message/idempotency-key.ts';

describe('An Idempotency-Key', () => {
  it.each([
    ['8e03978e-40d5-43dd-bc93-6894a57f9324', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
    ['"8e03978e-40d5-43dd-bc93-6894a57f9324"', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
    ['"a \\"b\\" \\\\c"', 'a "b" \\c'],
    ['a"b\\"c', 'a"b\\"c'],
    ['', undefined],
    ['""', undefined],
    ['x'.repeat(255), 'x'.repeat(255)],
    [`"${'x'.repeat(255)}"`, 'x'.repeat(255)],
  ])('%j is a message id', (header, messageId) => {
    expect(toMessageId(header)).toEqual({ ok: true, messageId });
  });

  it.each([
    '"',
    '"a',
    '"a"b"',
    '"a\\b"',
    '"a\\"',
    '"a", "b"',
    '"a";x=1',
    'caf\xe9',
    '"caf\xc3\xa9"',
    'a\tb',
    'x'.repeat(256),
  ])('%j is refused', (header) => {
    expect(toMessageId(header)).toEqual({ ok: false, message: expect.stringMatching(/^expected/) });
  });
});
