import { logFields } from './log-fields.ts';
import { didYouMean } from './nearest.ts';

export type ParsedFormat<Piece> =
  | { readonly ok: true; readonly pieces: readonly Piece[] }
  | { readonly ok: false; readonly mistake: string };

/** @param spelled as the format has it */
export function unknownField(spelled: string, field: string): string {
  const known = Object.keys(logFields);
  return `unknown field ${spelled}; expected one of ${known.join(', ')}${didYouMean(field, known)}`;
}
