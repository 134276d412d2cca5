import { IncomingMessage } from 'node:http';
import type { ClientRequest } from './client-request.ts';

/**
 * Node's request, and what this server makes of it. A WeakMap from one to the other would cost a post a tenth of its CPU
 * time, in the garbage collector.
 */
export class ReceivedMessage extends IncomingMessage {
  request: ClientRequest | undefined;
}
