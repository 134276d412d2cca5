/** What a page shows of an output, as a pattern: `…` stands for anything in a line, and alone for any lines. */
export function patternOf(shown: string): RegExp {
  const lines = shown.trimEnd().split('\n');
  const source = lines.map((line) =>
    line === '…' ? '(?:.*\n)*?' : `${line.split('…').map(literally).join('.*')} *\n`,
  );
  return new RegExp(`^${source.join('')}\n*$`);
}

const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
