import type { Fault } from './fault.ts';
import { accessFaults } from './faults/access.ts';
import { clusterFaults } from './faults/cluster.ts';
import { limitsFaults } from './faults/limits.ts';
import { linkFaults } from './faults/link.ts';
import { nodeFaults } from './faults/node.ts';
import { topologyFaults } from './faults/topology.ts';

/** All that goes wrong, in the order of the report. */
export const faults: readonly Fault[] = [
  ...nodeFaults,
  ...limitsFaults,
  ...topologyFaults,
  ...accessFaults,
  ...linkFaults,
  ...clusterFaults,
];
