import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Starts with the files that take longest, so that none of them is what everything waits for at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rest = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean =>
      /test\/(attack|chaos|local|world)\/|test\/(bearer|dashboard|guessing|outages|nginx|rolls)\./.test(moduleId);
    return [...rest.filter(isLong), ...rest.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    sequence: { sequencer: LongestFirst },
    // Real brokers, browsers and processes, on machines that may be slow: a hang fails, slowness does not.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // More than most machines for tests have cores, for most of the time is spent waiting.
    maxWorkers: 4,
    allowOnly: false,
  },
});
