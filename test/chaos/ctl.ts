import type { World } from './world.ts';

/** Runs `rabbitmqctl` on the world's first node. */
export async function ctl({ broker }: World, ...args: string[]): Promise<void> {
  const { code, stderr } = await broker.ctl(args);
  if (code !== 0) throw new Error(`rabbitmqctl ${args.join(' ')}: ${stderr}`);
}
