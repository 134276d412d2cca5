import type { LoggingConfig } from '../../config/logging.ts';
import type { Logs } from '../../handler/log.ts';

/**
 * The names of each logger: its own, and the one that it had in the Python stack, which configurations go on using. In
 * 2013 Tinman logged each request, and where it was not asked to, Tornado did.
 */
const NAMES: Readonly<Record<keyof Logs, readonly [own: string, former?: string]>> = {
  gateway: ['statelessd'],
  access: ['tinman.application', 'tornado.access'],
  broker: ['statelessd.rabbitmq', 'pika'],
};

export type LoggerNames = Readonly<Record<keyof Logs, string>>;

/** The names that a configuration uses: the former one where it is named more closely than our own. */
export function namesIn(logging: LoggingConfig | undefined): LoggerNames {
  const nameOf = (door: keyof Logs): string => {
    const [own, former] = NAMES[door];
    const distance = (name: string): number => distanceFromNamed(name, logging?.loggers);
    return former !== undefined && distance(former) < distance(own) ? former : own;
  };
  return { gateway: nameOf('gateway'), access: nameOf('access'), broker: nameOf('broker') };
}

/** 0: the configuration names it; 1: the logger above it; and so on. */
function distanceFromNamed(name: string, loggers: ReadonlyMap<string, unknown> | undefined): number {
  const parts = name.split('.');
  const distance = parts.findIndex((_, up) => loggers?.has(parts.slice(0, parts.length - up).join('.')));
  return distance < 0 ? Number.POSITIVE_INFINITY : distance;
}
