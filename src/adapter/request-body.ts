import type { IncomingMessage, ServerResponse } from 'node:http';
import { BodyChunks, type BodyLimit, type BodyOutcome, type ReadBody } from '../handler/body.ts';

/**
 * Reads a body from Node's own stream, which costs a third of what a Web stream does. A client that waits for it
 * (`Expect: 100-continue`) is told to go on only now that its body is wanted.
 */
export function bodyReaderFor(incoming: IncomingMessage, outgoing: ServerResponse): ReadBody {
  return (limit) => {
    if (incoming.headers.expect !== undefined) outgoing.writeContinue();
    return read(incoming, limit);
  };
}

function read(incoming: IncomingMessage, limit: BodyLimit): Promise<BodyOutcome> {
  return new Promise((resolve) => {
    const chunks = new BodyChunks(limit);
    const finish = (outcome: BodyOutcome): void => {
      incoming.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      resolve(outcome);
    };
    const onData = (chunk: Buffer): void => {
      const refusal = chunks.add(chunk);
      if (!refusal) return;
      incoming.pause();
      finish(refusal);
    };
    const onEnd = (): void => finish(chunks.body());
    const onClose = (): void => finish({ kind: 'aborted' });
    if (incoming.destroyed && !incoming.readableEnded) return finish({ kind: 'aborted' });
    incoming.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}
