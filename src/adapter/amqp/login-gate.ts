import { Socket } from 'node:net';
import type { Connection } from 'rabbitmq-client';
import * as v from 'valibot';
import { LibraryChanged } from './library.ts';

/** Type, channel, size and end of a frame. */
const FRAME_BYTES = 8;

const writer = v.looseObject({
  _writeMethod: v.custom<(method: unknown) => void>((value) => typeof value === 'function'),
  _socket: v.instance(Socket),
});

/**
 * Holds the login back, which is the first method that the library writes, until it has been judged by the size of its
 * frame's payload. An error ends the connection before anything of the login was sent.
 */
export function judgeLogin(
  connection: Connection,
  judge: (bytes: number) => undefined | Promise<Error | undefined>,
): void {
  if (!v.is(writer, connection)) throw new LibraryChanged('writes methods elsewhere');
  const { _socket: socket } = connection;
  const writeMethod = connection._writeMethod.bind(connection);
  connection._writeMethod = (login) => {
    connection._writeMethod = writeMethod;
    const frame = encodedBy(() => writeMethod(login), socket);
    const judging = judge(frame.length - FRAME_BYTES);
    if (judging) void judging.then((error) => (error ? socket.destroy(error) : socket.write(frame)));
    else socket.write(frame);
  };
}

/** What would be written to the socket. */
function encodedBy(write: () => void, socket: Socket): Buffer {
  const { write: toNetwork } = socket;
  let frame: Buffer = Buffer.alloc(0);
  socket.write = (chunk: unknown) => {
    if (!Buffer.isBuffer(chunk)) throw new LibraryChanged('encodes methods as something else');
    frame = chunk;
    return true;
  };
  try {
    write();
  } finally {
    socket.write = toNetwork;
  }
  return frame;
}
