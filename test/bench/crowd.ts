/** A process of clients: it is told what to send, and tells what was answered. */
import * as v from 'valibot';
import { runClients } from './clients.ts';

const CROWD = v.object({ port: v.number(), request: v.string(), clients: v.number(), seconds: v.number() });

process.on('message', (order) => {
  const { request, ...rest } = v.parse(CROWD, order);
  void runClients({ ...rest, request: Buffer.from(request, 'base64') }).then(({ byStatus, seconds }) =>
    process.send?.({ byStatus: [...byStatus], seconds }),
  );
});
process.once('disconnect', () => process.exit());
