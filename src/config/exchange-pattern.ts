import type { ExchangePattern } from './config.ts';
import type { Kind } from './kind.ts';
import { textTo } from './scalars.ts';

const maxNameBytes = 255;

/** The name of an exchange, to the letter, or `/a regular expression/` over names. */
export const exchangePattern: Kind<ExchangePattern> = textTo(
  toPattern,
  'expected the name of an exchange, or a /regular expression/',
  ({ text }) => text,
);

function toPattern(text: string): ExchangePattern | undefined {
  const [, source] = /^\/(.+)\/$/s.exec(text) ?? [];
  if (source === undefined) {
    if (text === '' || new TextEncoder().encode(text).length > maxNameBytes) return undefined;
    return { text, regexp: new RegExp(`^${text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}$`, 'su') };
  }
  try {
    return { text, regexp: new RegExp(source, 'u') };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
