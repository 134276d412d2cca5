import type { Config } from '../src/config/config.ts';
import type { Endpoint } from './endpoint.ts';
import type { LocalBroker } from './find-broker.ts';

/** What is printed once the gateway is ready: lines that work as they are pasted. */
export function instructions(endpoint: Endpoint, broker: LocalBroker, config: Config): string {
  const { secure, host, port } = endpoint;
  const base = (credentials: string) => `http${secure ? 's' : ''}://${credentials}${host}:${port}`;
  // The body as it is, not as a form: that works with xsrf_cookies, too.
  const publish = (credentials: string, path: string) =>
    `curl ${secure ? '-k ' : ''}-i -H 'content-type: text/plain' -d hi '${base(`${credentials}@`)}${path}'`;
  const lines = [`statelessd listens on ${base('')}/ and publishes to ${broker.description}.`, ''];
  if (broker.kind === 'started') {
    lines.push('Publish a message (204 means: RabbitMQ has it):', `  ${publish('guest:guest', '/test/test/foo')}`);
    if (broker.managementPort !== undefined) {
      const pages = `http://localhost:${broker.managementPort}`;
      lines.push('Look at it in the queue:', `  ${read(pages)}`);
      lines.push(`RabbitMQ's own pages, for guest with the password guest: ${pages}/`);
    }
  } else {
    // amq.topic is in every vhost. No queue need be bound to it: where that is refused, the message says it may be.
    const query = config.application.publishing.unroutable === 'refuse' ? '?mandatory=0' : '';
    if (broker.guestMayLogIn) {
      lines.push('Publish a message (204 means: RabbitMQ has it; Statelessd-Unrouted: no queue is bound):');
      lines.push(`  ${publish('guest:guest', `/%2f/amq.topic/hello${query}`)}`);
    } else {
      lines.push(
        'guest with the password guest may not log in there. Publish with a user, password and vhost of its own',
      );
      lines.push('in place of <user>, <password> and <vhost> (%2f is the vhost /):');
      lines.push(`  ${publish('<user>:<password>', `/<vhost>/amq.topic/hello${query}`)}`);
    }
  }
  return `\n${lines.join('\n')}\nCtrl-C stops ${broker.kind === 'started' ? 'both' : 'statelessd'}.\n\n`;
}

function read(pages: string): string {
  const order = '{"count":10,"ackmode":"ack_requeue_true","encoding":"auto"}';
  return `curl -s -u guest:guest -d '${order}' ${pages}/api/queues/test/test/get`;
}
