import { GatewayProcess } from '../support/gateway.ts';
import { FORM, http } from '../support/http.ts';
import type { Topology } from '../support/topology.ts';

export interface Start {
  /** Until its port answers. */
  readonly readyMs: number;
  /** For which it connects to the broker and proves the exchange. */
  readonly first204Ms: number;
}

/** Starts the built program again and again. @param topology with an exchange `sink` */
export async function measureStarts(topology: Topology, count: number): Promise<Start[]> {
  const starts: Start[] = [];
  while (starts.length < count) {
    const begunAt = performance.now();
    const gateway = await GatewayProcess.start({ broker: topology.broker });
    const readyMs = performance.now() - begunAt;
    const call = { user: topology.user, body: 'body=x', headers: FORM };
    const { status } = await http(gateway.port, `/${topology.segment}/sink/k?mandatory=0`, call);
    if (status !== 204) throw new Error(`the first message: ${status}`);
    starts.push({ readyMs, first204Ms: performance.now() - begunAt });
    await gateway.stop();
  }
  return starts;
}
