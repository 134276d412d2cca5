import { basic } from './http.ts';
import type { User } from './topology.ts';

/**
 * Posts to one address, one behind the other, every third of them chunked; the last one ends the connection.
 *
 * @param linesOf header lines of post number n
 */
export function pipelinedPosts(
  path: string,
  user: User,
  bodies: readonly string[],
  linesOf: (n: number) => string = () => '',
): string {
  const post = (body: string, n: number): string =>
    `POST ${path} HTTP/1.1\r\nHost: g\r\nAuthorization: ${basic(user)}\r\nContent-Type: text/plain\r\n` +
    `${n === bodies.length - 1 ? 'Connection: close\r\n' : ''}${linesOf(n)}` +
    (n % 3 === 0
      ? `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
      : `Content-Length: ${body.length}\r\n\r\n${body}`);
  return bodies.map(post).join('');
}
