import type { EncodingErrors, LogEncoding } from '../../config/logging.ts';

/** A record's bytes in a file. */
export function encode(text: string, encoding: LogEncoding, errors: EncodingErrors): Buffer {
  if (encoding === 'utf-8') return Buffer.from(text);
  const last = encoding === 'ascii' ? 0x7f : 0xff;
  const spelled = Array.from(text, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code <= last ? character : replacement(code, errors);
  });
  return Buffer.from(spelled.join(''), 'latin1');
}

/** For a character that the encoding does not have. */
function replacement(code: number, errors: EncodingErrors): string {
  switch (errors) {
    case 'ignore':
      return '';
    case 'replace':
      return '?';
    case 'xmlcharrefreplace':
      return `&#${code};`;
    // Python would lose the record.
    case 'strict':
    case 'backslashreplace':
      if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
      return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
  }
}
