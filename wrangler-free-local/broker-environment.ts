import { join } from 'node:path';
import type { BrokerDirectory } from './broker-directory.ts';

/** The loopback ports of one node. */
export interface NodePorts {
  readonly amqp: number;
  readonly dist: number;
  readonly epmd: number;
}

// With RabbitMQ's own choice, schedulers that sleep at once, a boot's 50,000 file look-ups each wait for a wake-up of the
// thread that does them: 6 s instead of 3. Awake a little longer, they cost an idle node nothing measurable.
const BUSY_WAIT = '+sbwt short +sbwtdio medium';
// Without -start_epmd, a port mapper that is missing would be started as a daemon, and stay.
const DISTRIBUTION = '-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false';

/**
 * The environment for a private node and for the commands that speak to it: nothing of a system node shows through.
 *
 * @param programs a folder that is searched for Erlang's programs before those of the machine
 */
export function brokerEnvironment(
  { path, nodename }: BrokerDirectory,
  ports: NodePorts,
  erlangFlags: string,
  programs?: string,
): Record<string, string> {
  const file = (...parts: string[]) => join(path, ...parts);
  return {
    ...inherited(),
    PATH: [programs, process.env.PATH].filter((part) => part !== undefined).join(':'),
    LC_ALL: 'C.UTF-8',
    HOME: file('home'),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_CRASH_DUMP_SECONDS: '0',
    RABBITMQ_NODENAME: nodename,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(ports.amqp),
    RABBITMQ_DIST_PORT: String(ports.dist),
    RABBITMQ_CONF_ENV_FILE: file('rabbitmq-env.conf'),
    RABBITMQ_CONFIG_FILE: file('rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: file('advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: file('enabled_plugins'),
    RABBITMQ_MNESIA_BASE: file('mnesia'),
    RABBITMQ_PLUGINS_EXPAND_DIR: file('plugins'),
    RABBITMQ_PID_FILE: file('pid'),
    RABBITMQ_LOG_BASE: file('log'),
    RABBITMQ_LOGS: file('log', 'node.log'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: [DISTRIBUTION, BUSY_WAIT, erlangFlags].join(' '),
    // Port 0: any free one. The default is a range of eleven, for all commands on the machine.
    RABBITMQ_CTL_DIST_PORT_MIN: '0',
    RABBITMQ_CTL_DIST_PORT_MAX: '0',
    RABBITMQ_CTL_ERL_ARGS: DISTRIBUTION,
    // Lets the start script become the Erlang VM instead of waiting for it as a shell: the child's pid is the VM's.
    RUNNING_UNDER_SYSTEMD: 'true',
  };
}

/** This process' environment without what speaks of other nodes. */
function inherited(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(RABBITMQ_|ERL_|NOTIFY_SOCKET$|LC_|LANG)/.test(entry[0]),
  );
  return Object.fromEntries(entries);
}
