import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../wrangler-free-local/broker.ts';
import { arrivals, expectedArrivals } from './docs/arrivals.ts';
import { type Block, documents } from './docs/document.ts';
import { asLines, patternOf } from './docs/output.ts';
import { Place } from './docs/place.ts';
import { isRunnable, run } from './docs/run.ts';
import { GatewayProcess } from './support/gateway.ts';
import { portsOf } from './support/topology.ts';

describe('The documents', () => {
  let broker: Broker;
  let gateway: GatewayProcess;
  let place: Place;

  beforeAll(async () => {
    broker = await startBroker({ name: 'docs', management: true });
    gateway = await GatewayProcess.start({ broker: portsOf(broker) });
    place = await Place.create();
  });
  afterAll(async () => {
    await place?.delete();
    await gateway?.stop();
    await broker?.close();
  });

  /** The ports that the documents name, as they are here. */
  function here(block: Block): Block {
    const ports: Record<string, number | undefined> = {
      8000: gateway.port,
      5672: broker.port,
      15672: broker.managementPort,
    };
    const code = block.code.replace(/\b(8000|5672|15672)\b/g, (port) => String(ports[port]));
    return { ...block, code: ['yaml', 'nginx'].includes(block.language) ? block.code : code };
  }

  describe.each(documents())('$path', ({ blocks }) => {
    it('has blocks that are run, or say why not', () => {
      const neither = blocks.filter((block) => (block.notRun ?? '') === '' && !isRunnable(block));
      expect(neither).toEqual([]);
    });

    for (const block of blocks.filter(({ notRun }) => notRun === undefined).filter(isRunnable)) {
      it(`shows ${block.language} in line ${block.line} that does what it says`, async () => {
        const { code, stdout, stderr } = await run(here(block), place);
        const arrived = await arrivals(broker.port);
        expect({ code, stderr: code === 0 ? '' : stderr + stdout }).toEqual({ code: 0, stderr: '' });
        if (block.output !== undefined) expect(asLines(stdout)).toMatch(patternOf(block.output));
        const expected = expectedArrivals(block.arrives);
        expect(arrived).toHaveLength(expected.length);
        expect(arrived).toMatchObject(expected);
      });
    }
  });
});
