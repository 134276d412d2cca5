import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { GatewayProcess, type Settings } from './gateway.ts';

/** What a test starts for itself, and what ends with it. */

export async function gatewayForTest(settings: Settings = {}): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start(settings);
  onTestFinished(async () => void (await gateway.stop()));
  return gateway;
}

/** A connection on which nothing has been sent yet. The gateway may reset it. */
export async function socketForTest(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}
