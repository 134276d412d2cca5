import type { WorldOptions } from './world.ts';

/** The worlds that faults happen in. */
export const worlds = {
  /** Outages that are to cost latency only are shorter than this. */
  patient: { gateway: { publishing: { publish_timeout: 30 } } },
  impatient: { gateway: { publishing: { publish_timeout: 1 } } },
  renewing: { gateway: { publishing: { publish_timeout: 30 }, rabbitmq: { credentials_ttl: 1 } } },
  /** A link that has died is noticed within 5 s. */
  proxied: { proxied: true, gateway: { publishing: { publish_timeout: 30 }, rabbitmq: { heartbeat: 2 } } },
  /** A node's death is to cost seconds. */
  clustered: { nodes: 3, gateway: { publishing: { publish_timeout: 15 } } },
} satisfies Record<string, WorldOptions>;

export const worldNames = Object.keys(worlds).filter((name): name is keyof typeof worlds => name in worlds);
