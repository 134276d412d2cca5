/** The known word that is nearest to a mistyped one, whatever their case. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  return ranked(word, known)?.candidate;
}

/** `, did you mean hosts?`, or nothing where no known word is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const best = ranked(word, known);
  const isNear = best !== undefined && best.distance < word.length && best.distance <= Math.max(1, word.length / 3);
  return isNear ? `, did you mean ${best.candidate}?` : '';
}

function ranked(word: string, known: readonly string[]): { candidate: string; distance: number } | undefined {
  return known
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
}

/** What a mistyped word lacks counts half: letters and whole sections are rather forgotten than made up. */
const leftOut = 0.5;

/** Levenshtein's, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index * leftOut);
  for (const [i, left] of a.split('').entries()) {
    const next = [i + 1];
    for (const [j, right] of b.split('').entries()) {
      const replaced = (row[j] ?? 0) + (left === right ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + leftOut));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
