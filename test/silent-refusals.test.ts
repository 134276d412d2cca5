import { describe, expect, it, onTestFinished } from 'vitest';
import { startFrame, TELLS_REFUSALS } from './support/frames.ts';
import { GatewayProcess, type Settings } from './support/gateway.ts';
import { type Answer, FORM, http } from './support/http.ts';
import { ScriptedPeer } from './support/scripted-peer.ts';

const START = startFrame();

describe('a broker that closes the connection after a wrong password, without a word', () => {
  const given = async (settings: Settings = {}, silenceMs = 0) => {
    const peer = await ScriptedPeer.start(({ channel, tag }, answers) => answers.ack(channel, tag));
    peer.takesLogin = (frame) => frame.includes('\0right');
    peer.silenceMs = silenceMs;
    const gateway = await GatewayProcess.start({ broker: { port: peer.port, managementPort: 0 }, ...settings });
    onTestFinished(async () => {
      await gateway.stop();
      await peer.close();
    });
    const post = (password: string): Promise<Answer> =>
      http(gateway.port, '/v/x/k', { user: { username: 'u', password }, body: 'body=x', headers: FORM });
    const refused = async (): Promise<unknown> =>
      JSON.parse((await http(gateway.port, '/stats', { method: 'GET' })).text).logins_refused;
    return { peer, gateway, post, refused };
  };
  const verdict = ({ status, problem }: Answer) => [status, problem.type, problem.published];

  it.each([
    ['at once', 0],
    ['after the 3 s of RabbitMQ before 3.1', 3_000],
  ])('has refused it: the answer is 401, and the right one is served: %s', async (_, silenceMs) => {
    const { post, refused, gateway } = await given({ publishing: { publish_timeout: 20 } }, silenceMs);
    expect(verdict(await post('wrong'))).toEqual([401, 'urn:statelessd:unauthenticated', 'no']);
    expect(await refused()).toBe(1);
    expect((await post('right')).status).toBe(204);
    expect(gateway.stderr).not.toContain('RabbitMQ cannot be reached');
  });

  it('has failed, where it promises to tell of refused logins: nobody knows whether the password is right', async () => {
    const { post, refused, peer, gateway } = await given({ publishing: { publish_timeout: 3 } });
    peer.tamper = (frame) => (frame.equals(START) ? startFrame(TELLS_REFUSALS) : frame);
    expect(verdict(await post('wrong'))).toEqual([503, 'urn:statelessd:broker-unavailable', 'no']);
    expect(await refused()).toBe(0);
    expect(gateway.stderr).toContain('closed during the AMQP handshake');
  });
});
