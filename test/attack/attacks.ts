import type { Attack } from './attack-contract.ts';
import { announced, bombs, headerBatches, oneByteChunks, trickles, unproven } from './attacks/bodies.ts';
import { descriptors, idleConnections, slowHeaders } from './attacks/connections.ts';
import { cheapRequests, pipelinedPosts, pipelinedRefusals, unreadAnswers, unreadCrowd } from './attacks/pipelining.ts';

/** In the order of the table. */
export const attacks: readonly Attack[] = [
  cheapRequests,
  pipelinedRefusals,
  pipelinedPosts,
  unreadAnswers,
  unreadCrowd,
  oneByteChunks,
  headerBatches,
  announced,
  trickles,
  unproven,
  bombs,
  idleConnections,
  slowHeaders,
  descriptors,
];
