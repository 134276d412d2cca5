import { createHmac, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, type BrokerOptions, startBroker } from '../../wrangler-free-local/broker.ts';

/** What a token says. `scope` is in RabbitMQ's language: `rabbitmq.write:<vhost>/<exchange>`. */
export type Claims = Readonly<Record<string, unknown>>;

const RESOURCE = 'rabbitmq';
const HMAC_SECRET = 'a secret that only the tests and their brokers know';

const encoded = (value: string | Buffer): string => Buffer.from(value).toString('base64url');

/** Signs tokens as an authorization server would. */
export class TokenIssuer {
  readonly #keys = generateKeyPairSync('rsa', { modulusLength: 2048 });

  get publicKey(): string {
    return this.#keys.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  }

  /**
   * A token (RS256) with an `exp` an hour from now and a fresh `jti`, unless the claims say otherwise; a claim that is
   * undefined is left out.
   */
  sign(claims: Claims, header: Claims = { alg: 'RS256', typ: 'JWT', kid: 'rsa' }): string {
    const signed = this.#unsigned(claims, header);
    return `${signed}.${encoded(sign('sha256', Buffer.from(signed), this.#keys.privateKey))}`;
  }

  /** The same with a shared secret (HS256). */
  signHmac(claims: Claims): string {
    const signed = this.#unsigned(claims, { alg: 'HS256', typ: 'JWT', kid: 'hmac' });
    return `${signed}.${createHmac('sha256', HMAC_SECRET).update(signed).digest('base64url')}`;
  }

  #unsigned(claims: Claims, header: Claims): string {
    const iat = Math.floor(Date.now() / 1000);
    const payload = { aud: [RESOURCE], iat, exp: iat + 3600, jti: randomUUID(), ...claims };
    return `${encoded(JSON.stringify(header))}.${encoded(JSON.stringify(payload))}`;
  }
}

/** The scope of a user who may do everything, in all vhosts. */
export const EVERYTHING = ['configure', 'write', 'read'].map((right) => `${RESOURCE}.${right}:*/*`);

/** A RabbitMQ that takes the issuer's tokens, and users of its own. */
export interface OauthBroker {
  readonly broker: Broker;
  /** Takes a signing key away: no token that it signed is good any more. */
  revoke(key: 'rsa' | 'hmac'): Promise<void>;
  restore(key: 'rsa' | 'hmac'): Promise<void>;
  close(): Promise<void>;
}

export async function startOauthBroker(issuer: TokenIssuer, options: BrokerOptions = {}): Promise<OauthBroker> {
  const directory = await mkdtemp(join(tmpdir(), 'statelessd-keys-'));
  const pem = join(directory, 'rsa.pem');
  await writeFile(pem, issuer.publicKey);
  const broker = await startBroker({
    name: 'oauth',
    management: true,
    ...options,
    plugins: ['rabbitmq_auth_backend_oauth2', ...(options.plugins ?? [])],
    config: {
      'auth_backends.1': 'rabbit_auth_backend_internal',
      'auth_backends.2': 'rabbit_auth_backend_oauth2',
      'auth_oauth2.resource_server_id': RESOURCE,
      'auth_oauth2.default_key': 'rsa',
      'auth_oauth2.signing_keys.rsa': pem,
      ...options.config,
    },
  });
  const restore = async (key: 'rsa' | 'hmac'): Promise<void> => {
    const jwk = `#{<<"kty">> => <<"oct">>, <<"k">> => <<"${encoded(HMAC_SECRET)}">>}`;
    const value = key === 'hmac' ? `{map, ${jwk}}` : `{pem, <<"${issuer.publicKey}">>}`;
    await change(broker, `Keys#{<<"${key}">> => ${value}}`);
  };
  await restore('hmac');
  return {
    broker,
    restore,
    revoke: (key) => change(broker, `maps:remove(<<"${key}">>, Keys)`),
    close: async () => {
      await broker.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** @param keys an Erlang expression over `Keys`, those of now */
async function change(broker: Broker, keys: string): Promise<void> {
  const expression = `
    {ok, Config} = application:get_env(rabbitmq_auth_backend_oauth2, key_config),
    Keys = proplists:get_value(signing_keys, Config, #{}),
    Changed = lists:keystore(signing_keys, 1, Config, {signing_keys, ${keys}}),
    application:set_env(rabbitmq_auth_backend_oauth2, key_config, Changed).`;
  const answer = await broker.rpcEval(expression);
  if (answer !== 'ok') throw new Error(`the broker's keys could not be changed: ${answer}`);
}
