import { execFileSync } from 'node:child_process';
import type { TestProject } from 'vitest/node';
import { startBroker } from '../../wrangler-free-local/broker.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    readonly amqpPort: number;
    readonly managementPort: number;
  }
}

/** Builds the program, and starts one broker that all test files share, each with vhosts of its own. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: project.config.root, stdio: 'inherit' });
  const broker = await startBroker({
    name: 'suite',
    management: true,
    plugins: ['rabbitmq_consistent_hash_exchange'],
  });
  if (broker.managementPort === undefined) throw new Error('the broker has no management API');
  project.provide('amqpPort', broker.port);
  project.provide('managementPort', broker.managementPort);
  return () => broker.close();
}
