import { Document, isCollection, visit } from 'yaml';
import { brokerSettings } from './brokers.ts';
import type { Config } from './config.ts';
import { type Settings, table } from './table.ts';

/**
 * The configuration as a file that gives it again: the file's keys and units, every default spelled out. No key holds
 * a secret (paths of key files are none), so nothing is masked.
 */
export function printConfig(config: Config): string {
  const document = new Document(table.print(toSettings(config)), { aliasDuplicateObjects: false });
  visit(document, {
    Seq(_, list) {
      if (!list.items.some(isCollection)) list.flow = true;
    },
  });
  return document.toString({ flowCollectionPadding: false, lineWidth: 0 });
}

function toSettings({ application, ...rest }: Config): Settings {
  const { hosts, ...rabbitmq } = application.rabbitmq;
  return { ...rest, application: { ...application, rabbitmq: { ...rabbitmq, ...brokerSettings(hosts) } } };
}
