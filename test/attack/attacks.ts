import type { Attack } from './attack-contract.ts';
import { forgedAddress, lockOut, passwordRaces, spraying, throttleKeys } from './attacks/addresses.ts';
import { announced, bombs, headerBatches, oneByteChunks, trickles, unproven } from './attacks/bodies.ts';
import { atTheLimit, longCredentials, revokedAtTheLimit, vhostNames } from './attacks/broker.ts';
import { foreignPages, forgedForms, markup, rebinding } from './attacks/browsers.ts';
import { descriptors, idleConnections, slowHeaders } from './attacks/connections.ts';
import { fuzzed } from './attacks/fuzz.ts';
import {
  afterAReload,
  behindABelievedProxy,
  fourWorkers,
  fromAThousand,
  fromOneAddress,
  throughAProxy,
} from './attacks/guessing.ts';
import { corruptFrames, endlessFrame, noBroker } from './attacks/hostile-broker.ts';
import { misleadingCharacters, secretsInLogs, syslogForgery, unwritableLogs } from './attacks/logs.ts';
import { busySocket, debuggerSignal, foreignSocket, nonsense, pidfiles, reloadStorm } from './attacks/machine.ts';
import { cheapRequests, pipelinedPosts, pipelinedRefusals, unreadAnswers, unreadCrowd } from './attacks/pipelining.ts';
import { behindARefusal, cutByAStop, smuggling, smugglingThrough, traversal } from './attacks/protocol.ts';
import { acceptedNames, refusedNames } from './attacks/series.ts';

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
  fromOneAddress,
  fourWorkers,
  fromAThousand,
  behindABelievedProxy,
  throughAProxy,
  afterAReload,
  spraying,
  forgedAddress,
  lockOut,
  throttleKeys,
  passwordRaces,
  longCredentials,
  vhostNames,
  atTheLimit,
  revokedAtTheLimit,
  noBroker,
  corruptFrames,
  endlessFrame,
  acceptedNames,
  refusedNames,
  rebinding,
  foreignPages,
  forgedForms,
  markup,
  ...unwritableLogs,
  syslogForgery,
  misleadingCharacters,
  secretsInLogs,
  debuggerSignal,
  reloadStorm,
  nonsense,
  pidfiles,
  busySocket,
  foreignSocket,
  cutByAStop,
  smuggling,
  smugglingThrough,
  behindARefusal,
  traversal,
  fuzzed,
];
