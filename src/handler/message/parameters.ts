const parameterPattern =
  /[ \t]*;[ \t]*(?:([^\s"=;]+)[ \t]*=[ \t]*(?:"([^"\\]*(?:\\[^\r\n][^"\\]*)*)"|(?!")([^\s";]*)))?[ \t]*/y;

/**
 * The first parameter of that name of a header like `multipart/form-data; boundary=x` (RFC 9110 section 5.6.6), or
 * `undefined`. Names are compared without case. Quotes are taken off; what a backslash means inside them is left to
 * the caller, for Content-Disposition has two traditions.
 *
 * @param name in lower case
 */
export function headerParameter(header: string, name: string): string | undefined {
  const first = header.indexOf(';');
  if (first < 0) return undefined;
  parameterPattern.lastIndex = first;
  for (let match = parameterPattern.exec(header); match !== null; match = parameterPattern.exec(header)) {
    if (match[1]?.toLowerCase() === name) return match[2] ?? match[3];
  }
  return undefined;
}
