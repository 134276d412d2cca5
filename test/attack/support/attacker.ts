/** The attacker's process: less of the machine's time than the others where they compete for it. */
import { once, setMaxListeners } from 'node:events';
import { setPriority } from 'node:os';
import * as v from 'valibot';
import { attacks } from '../attacks.ts';
import { SEED, World } from './world.ts';

export const NICENESS = 10;

process.once('disconnect', () => process.exit());
process.once('message', async (order) => {
  // A timer of a signal keeps no process alive, and the gateway may have ended every connection.
  const alive = setInterval(() => {}, 1_000);
  setPriority(NICENESS);
  const seed = v.parse(SEED, order);
  const attack = attacks.find(({ name }) => name === seed.attack);
  if (!attack) throw new Error(`there is no attack ${seed.attack}`);
  const world = await World.create(seed);
  process.send?.('ready');
  await once(process, 'message');
  try {
    const timeIsUp = AbortSignal.timeout(seed.seconds * 1000);
    setMaxListeners(0, timeIsUp);
    const finding = await attack.run(world, timeIsUp);
    process.send?.(finding);
  } catch (error) {
    process.send?.({ figures: '', broken: [`the attack could not be carried out: ${String(error)}`] });
  } finally {
    await world.close();
    clearInterval(alive);
    process.disconnect();
    // Whatever sockets or timers are left are of no more use.
    process.exit();
  }
});
