// Loaded into a backend before its program: one that has been taken over, and says what it likes. The supervisor has no
// process.send, and is left alone.
import { writeSync } from 'node:fs';

const MESSAGES = [
  null,
  42,
  'ready',
  [],
  {},
  { kind: 'nonsense' },
  { kind: 'snapshot' },
  { kind: 'snapshot', id: 'one', snapshot: {} },
  { kind: 'snapshot', id: 1, snapshot: null },
  { kind: 'survey', id: {} },
  { kind: 'failed', code: 1, reason: {} },
  { kind: '__proto__', id: 1 },
  new Map([['kind', 'ready']]),
];

const SNAPSHOTS = [
  {},
  { stats: null, answers: [], recent: {}, lifetime: {} },
  { stats: {}, answers: 'many', recent: [], lifetime: null },
];

if (process.send) {
  const send = process.send.bind(process);
  const kind = process.env.NONSENSE;
  process.send = (message, ...rest) => {
    const isReady = message?.kind === 'ready';
    if (kind === 'snapshots' && message?.kind === 'snapshot') {
      for (const snapshot of SNAPSHOTS) send({ ...message, snapshot });
      const { stats } = message.snapshot;
      send({ ...message, snapshot: { ...message.snapshot, stats: { ...stats, connections: { x: 1 } } } });
      return true;
    }
    const sent = send(message, ...rest);
    if (kind === 'messages' && isReady) for (const nonsense of MESSAGES) send(nonsense);
    if (kind === 'bytes' && message?.kind === 'snapshot') {
      const symbol = Object.getOwnPropertySymbols(process).find(({ description }) => description === 'kChannelHandle');
      // A length, and then nothing that could be decoded.
      writeSync(process[symbol].fd, Buffer.from([0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]));
    }
    return sent;
  };
}
