import { type ClientRequest, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { type Answer, answerOf } from './http.ts';

/** A POST whose last byte of the body is kept back until it is asked for. */
export class PausedPost {
  readonly #outgoing: ClientRequest;
  readonly #body: Buffer;
  readonly #answer: Promise<Answer>;

  private constructor(outgoing: ClientRequest, body: Buffer, answer: Promise<Answer>) {
    this.#outgoing = outgoing;
    this.#body = body;
    this.#answer = answer;
  }

  /** Resolves when the gateway has admitted it and asks for the body. */
  static begin(port: number, path: string, headers: Record<string, string>, body: string): Promise<PausedPost> {
    const bytes = Buffer.from(body);
    const length = { 'content-length': String(bytes.length), expect: '100-continue' };
    const outgoing = request({
      host: '127.0.0.1',
      port,
      method: 'POST',
      path,
      agent: false,
      headers: { ...headers, ...length },
    });
    const answer = new Promise<Answer>((resolve, reject) => {
      outgoing.once('error', reject);
      outgoing.once('response', (response) => {
        const { statusCode: status = 0, headers: answered } = response;
        buffer(response)
          .then((text) => answerOf({ method: 'POST', target: path, status, headers: answered, text: text.toString() }))
          .then(resolve, reject);
      });
    });
    outgoing.flushHeaders();
    return new Promise((resolve, reject) => {
      answer.catch(reject);
      outgoing.once('continue', () => {
        outgoing.write(bytes.subarray(0, -1));
        resolve(new PausedPost(outgoing, bytes, answer));
      });
    });
  }

  finish(): Promise<Answer> {
    this.#outgoing.end(this.#body.subarray(-1));
    return this.#answer;
  }
}
