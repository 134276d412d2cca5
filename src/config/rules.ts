import { checkBrokers, rabbitmqPath } from './brokers.ts';
import { printBytes } from './bytes.ts';
import type { Path, Report } from './kind.ts';
import { checkReferences } from './log-references.ts';
import type { Note } from './of-2013.ts';
import { originOf, type Sources } from './sources.ts';
import type { Settings } from './table.ts';

const maxHeldBytes: Path = ['Application', 'publishing', 'max_held_bytes'];
const maxBodySize: Path = ['HTTPServer', 'max_body_size'];
const ports: Path = ['HTTPServer', 'ports'];
const sockets: Path = ['HTTPServer', 'sockets'];
const host: Path = [...rabbitmqPath, 'host'];
const hosts: Path = [...rabbitmqPath, 'hosts'];
const port: Path = [...rabbitmqPath, 'port'];
const brokerTls: Path = [...rabbitmqPath, 'tls'];
const brokerCert: Path = [...brokerTls, 'cert'];
const brokerKey: Path = [...brokerTls, 'key'];
const serverTls: Path = ['HTTPServer', 'tls'];
const clientCa: Path = [...serverTls, 'client_ca'];
const clientCert: Path = [...serverTls, 'client_cert'];

/** It says all that is not about one request or one connection to RabbitMQ. */
const GATEWAY_LOGGER = 'statelessd';

/**
 * Judges what several keys say together. A rule is left out where one of its keys has been refused by itself: what
 * stands in its place would be judged.
 */
export function checkTogether(
  settings: Settings,
  sound: (path: Path) => boolean,
  sources: Sources,
  report: Report,
): void {
  const { application, httpServer, logging } = settings;
  const { rabbitmq, publishing } = application;

  if (sound(host) && sound(hosts) && sound(port)) {
    const portForAll = originOf(port, sources) === 'environment' && originOf(hosts, sources) === 'file';
    checkBrokers(rabbitmq, portForAll, report);
  }
  if (rabbitmq.tls !== undefined && sound(brokerCert) && sound(brokerKey)) {
    const { cert, key } = rabbitmq.tls;
    if (cert !== undefined && key === undefined) report(brokerCert, 'expected a key with the cert');
    if (key !== undefined && cert === undefined) report(brokerKey, 'expected a cert with the key');
  }
  // Elsewhere an empty section has its defaults or is none. Here one of them would be a surprise: plain text.
  for (const [at, tls] of [[brokerTls, rabbitmq.tls] as const, [serverTls, httpServer.tls] as const]) {
    if (tls === undefined && sound(at) && originOf(at, sources) === 'file') {
      report(at, 'expected a mapping; leave the key out for no TLS');
    }
  }
  const { clientCert: asks = 'none', clientCa: authorities } = httpServer.tls ?? {};
  if (asks !== 'none' && authorities === undefined && sound(clientCa) && sound(clientCert)) {
    report(clientCert, 'expected the authorities to trust with it, in client_ca (ca_certs in ssl_options)');
  }
  if (sound(maxHeldBytes) && sound(maxBodySize) && publishing.maxHeldBytes <= httpServer.maxBodySizeBytes) {
    // The problem belongs to the key that somebody wrote.
    if (originOf(maxHeldBytes, sources) !== undefined) {
      report(maxHeldBytes, `expected more than HTTPServer.max_body_size, ${printBytes(httpServer.maxBodySizeBytes)}`);
    } else {
      const limit = printBytes(publishing.maxHeldBytes);
      report(maxBodySize, `expected less than Application.publishing.max_held_bytes, ${limit}`);
    }
  }
  if (sound(ports) && sound(sockets) && httpServer.ports.length === 0 && httpServer.sockets.length === 0) {
    report(ports, 'expected at least one port, or a path in sockets');
  }
  if (logging !== undefined) checkReferences(logging, sound, report);
}

/** What is allowed, and hardly meant. */
export function adviseTogether({ httpServer: { tls }, logging }: Settings): Note[] {
  const notes = [...(logging?.warnings ?? [])];
  if (logging?.disableExistingLoggers && !logging.incremental && !logging.loggers.has(GATEWAY_LOGGER)) {
    const message = `true, and loggers has no ${GATEWAY_LOGGER}: the gateway itself logs nothing, as in Python`;
    notes.push({ at: ['Logging', 'disable_existing_loggers'], message });
  }
  if (tls?.clientCa === undefined || tls.clientCert !== 'none') return notes;
  return [
    ...notes,
    { at: clientCa, message: 'not used: client_cert is none, so no client is asked for a certificate' },
  ];
}
