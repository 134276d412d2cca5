import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { Gateway } from '../../src/adapter/gateway.ts';
import { readBuiltIn } from '../../src/adapter/http/assets.ts';
import { openLogs } from '../../src/adapter/logging/logging.ts';
import { parseConfig } from '../../src/config/parse.ts';
import { configuration, GatewayProcess, type Settings } from './gateway.ts';
import { type Answer, answerOf, basic, type Call, http } from './http.ts';

/** A way to reach the gateway. What it does must not depend on which one is taken. */
export interface Door {
  readonly name: string;
  open(settings?: Settings): Promise<OpenDoor>;
}

export interface OpenDoor {
  call(path: string, call?: Call): Promise<Answer>;
  close(): Promise<unknown>;
}

/** The program, over the wire. */
const overHttp: Door = {
  name: 'over HTTP',
  async open(settings) {
    const gateway = await GatewayProcess.start(settings);
    return { call: (path, call) => http(gateway.port, path, call), close: () => gateway.stop() };
  },
};

const PAGE = fileURLToPath(new URL('../../dist/dashboard', import.meta.url));

/** The handler and the adapter in this process, with Web requests and no server. */
const inProcess: Door = {
  name: 'in process',
  async open(settings = {}) {
    const parsed = parseConfig({ name: 'test', text: stringify(configuration(settings, [8000])) }, {});
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    const gateway = new Gateway(
      parsed.config,
      {},
      { slot: { port: 8000, worker: 0 }, builtInAssets: await readBuiltIn(PAGE), logs: openLogs() },
    );
    return {
      call: async (path, { method = 'POST', headers = {}, user, body = '' } = {}) => {
        const all = new Headers();
        if (user) all.set('authorization', basic(user));
        if (method !== 'GET') all.set('content-length', String(Buffer.byteLength(body)));
        for (const [name, value] of Object.entries(headers)) for (const one of [value].flat()) all.append(name, one);
        const init = { method, headers: all, ...(method !== 'GET' && { body }) };
        const response = await gateway.fetch(new Request('http://gateway', init), {
          target: path,
          client: { address: '127.0.0.1', scope: 'loopback' },
          operator: true,
        });
        const { status } = response;
        const answered = Object.fromEntries(response.headers);
        return answerOf({ method, target: path, status, headers: answered, text: await response.text() });
      },
      close: () => gateway.drain(),
    };
  },
};

export const doors: readonly Door[] = [inProcess, overHttp];
