import { ScriptedPeer } from '../../support/scripted-peer.ts';
import { type Attack, finding } from '../attack-contract.ts';
import { Tally } from '../support/send.ts';
import { mebibytes } from '../support/sockets.ts';

const NAMES = 3_000;

export const acceptedNames: Attack = {
  name: 'names that are accepted',
  tries: `a broker whose authentication takes any name: ${NAMES} names, one post each`,
  promise: 'names are forgotten in the end: `/stats` and `/metrics` stay bounded',
  alone: true,
  seconds: 30,
  async run(world, signal) {
    const peer = await ScriptedPeer.start(({ channel, tag }, answers) => answers.ack(channel, tag));
    world.onEnd(() => peer.close());
    const gateway = await world.startGateway({ settings: { rabbitmq: { port: peer.port } } });
    const tally = new Tally();
    let n = 0;
    const one = async (): Promise<void> => {
      while (n < NAMES && !signal.aborted) {
        n += 1;
        const user = { username: `name-${n}`, password: 'p' };
        tally.add((await world.post({ user }, '/v/x/k', gateway.port)).status);
      }
    };
    await Promise.all(Array.from({ length: 40 }, one));
    const metrics = (await world.get('/metrics', {}, gateway.port)).text;
    const kept = new Set([...metrics.matchAll(/user="(name-\d+)"/g)].map(([, name]) => name)).size;
    const lines = metrics.split('\n').length;
    return finding(
      `answers: ${tally}; ${kept} names in ${lines} lines of metrics; peak ${mebibytes(world.peakOf(gateway))}`,
      {
        'at most 1,100 names are kept': kept <= 1_100,
        'all are served': tally.others(204) === 0,
      },
    );
  },
};

export const refusedNames: Attack = {
  name: 'names that are refused',
  tries: '300 invented names and 300 invented tokens, from as many addresses',
  promise: 'what the broker has not accepted makes no entry',
  async run(world) {
    const tally = new Tally();
    for (let n = 0; n < 300; n += 1) {
      const localAddress = `127.0.5.${1 + (n % 250)}`;
      tally.add((await world.post({ localAddress, user: { username: `invented-${n}`, password: 'p' } })).status);
      const claims = Buffer.from(JSON.stringify({ sub: `invented-${n}`, exp: 9e9 })).toString('base64url');
      const authorization = `Bearer eyJhbGciOiJub25lIn0.${claims}.c2ln`;
      const { status } = await world.post({
        localAddress,
        headers: { authorization },
        user: { username: '', password: '' },
      });
      tally.add(status);
    }
    const texts = [await world.get('/stats'), await world.get('/metrics')].map(({ text }) => text);
    const entries = texts.join().split('invented-').length - 1;
    return finding(`answers: ${tally}; ${entries} entries`, { 'there is no entry': entries === 0 });
  },
};
