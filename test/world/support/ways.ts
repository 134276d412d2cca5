import { basic, FORM, http } from '../../support/http.ts';
import type { Topology } from '../../support/topology.ts';

/** The ways to publish through the gateway, and the one through RabbitMQ's own management API. */
export type Way = 'form' | 'batch' | 'management' | 'RabbitMQ';

/** Publishes a message whose body is this JSON, and whose header `value` is it too. */
export async function publishValue(
  way: Way,
  { topology, gatewayPort, exchange }: { topology: Topology; gatewayPort: number; exchange: string },
  json: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const { segment, user, broker } = topology;
  const headers = `{"value": ${json}}`;
  const text = JSON.stringify(json);
  const managed = `/api/exchanges/${segment}/${encodeURIComponent(exchange)}/publish`;
  const managedBody = `{"routing_key": "", "payload": ${text}, "payload_encoding": "string", "properties": {"headers": ${headers}}}`;
  switch (way) {
    case 'form': {
      const body = `body=${encodeURIComponent(json)}&headers=${encodeURIComponent(headers)}`;
      return http(gatewayPort, `/${segment}/${exchange}/`, { user, headers: FORM, body });
    }
    case 'batch': {
      const body = `{"routing_key": "", "body": ${text}, "headers": ${headers}}`;
      const type = { 'content-type': 'application/x-ndjson' };
      return http(gatewayPort, `/${segment}/${exchange}`, { user, headers: type, body });
    }
    case 'management':
      return http(gatewayPort, managed, { user, body: managedBody });
    case 'RabbitMQ': {
      const url = `http://127.0.0.1:${broker.managementPort}${managed}`;
      const init = { method: 'POST', headers: { authorization: basic(user) }, body: managedBody };
      const response = await fetch(url, init);
      return { status: response.status, text: await response.text() };
    }
  }
}
