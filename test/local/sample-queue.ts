import * as v from 'valibot';
import { expect } from 'vitest';
import { type ApiAnswer, callApi } from '../../wrangler-free-local/management-api.ts';

interface Managed {
  readonly managementPort: number | undefined;
}

const routed: ApiAnswer = { status: 200, json: { routed: true } };
const messages = v.array(v.object({ payload: v.string() }));

/** Puts a persistent message into the sample topology's queue, past any gateway. */
export async function publish(broker: Managed, body: string): Promise<void> {
  const message = { routing_key: 'foo', payload: body, payload_encoding: 'string', properties: { delivery_mode: 2 } };
  expect(await callApi(portOf(broker), 'POST', '/exchanges/test/test/publish', message)).toEqual(routed);
}

/** The bodies in that queue, which keeps them. */
export async function bodies(broker: Managed): Promise<string[]> {
  const order = { count: 100, ackmode: 'ack_requeue_true', encoding: 'auto' };
  const { json } = await callApi(portOf(broker), 'POST', '/queues/test/test/get', order);
  return v.parse(messages, json).map(({ payload }) => payload);
}

function portOf({ managementPort }: Managed): number {
  if (managementPort === undefined) throw new Error('this broker has no management API');
  return managementPort;
}
