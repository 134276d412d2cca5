/** A picture with a title, as SVG that can be read on light and on dark pages. `font` is the attributes of its text. */
export function picture(
  title: string,
  width: number,
  height: number,
  font: string,
  content: readonly string[],
): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" ${font}>
<title>${escaped(title)}</title>
<rect width="${width}" height="${height}" fill="#f6f7f6"/>
<g fill="#17201e">
<text x="12" y="24" font-size="15" font-weight="bold">${escaped(title)}</text>
${content.join('\n')}
</g>
</svg>
`;
}

export const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
