/** What a page shows of an output, as a pattern: `…` stands for anything in a line, and alone for any lines. */
export function patternOf(shown: string): RegExp {
  const lines = shown.trimEnd().split('\n');
  const source = lines.map((line) =>
    line === '…' ? '(?:.*\n)*?' : `${line.split('…').map(literally).join('.*')} *\n`,
  );
  return new RegExp(`^${source.join('')}$`);
}

/** Every line has its end, and one that Unix knows: HTTP's have another, and a document's last line may have none. */
export const asLines = (output: string): string => `${output.replaceAll('\r', '').trimEnd()}\n`;

const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
