import type { Client } from '../../handler/publisher.ts';
import { digestOf } from '../digest.ts';
import { originOf } from './origin.ts';

/** A login that is new to its origin. All texts are digests, so that no client decides what remembering it costs. */
export interface LoginAttempt {
  /** Vhost, user and password. */
  readonly login: string;
  /** User and password. */
  readonly credentials: string;
  /** The user's name. A token has none: who forges tokens must not slow down those whose names stand in them. */
  readonly username: string | undefined;
  /** See `Origin`. */
  readonly addressed: boolean;
  readonly hearsay: boolean;
  readonly origin: string;
  readonly place: string;
}

/**
 * What became of a login. `refused`: the broker did not accept the credentials. `limited`: it accepted them, and refused
 * the connection for another reason. `released`: it was not asked, or gave no answer.
 */
export type LoginVerdict = 'succeeded' | 'refused' | 'limited' | 'released';

export type Permit =
  /** Leave to find out whether the login is good; to be ended once. */
  | { readonly kind: 'permitted'; end(verdict: LoginVerdict): void }
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number }
  /** Who counts did not answer. */
  | { readonly kind: 'unanswered' };

/** Bounds how many logins are tried. All processes of an installation share one. */
export interface Throttle {
  /** Waits for a permit, for so long at most. */
  enter(attempt: LoginAttempt, withinMs: number): Promise<Permit>;
}

interface Login {
  readonly vhost: string;
  readonly username: string;
  readonly password: string;
  readonly token?: unknown;
}

export function attemptOf({ vhost, username, password, token }: Login, client: Client): LoginAttempt {
  const { addressed, hearsay, name, place } = originOf(client);
  return {
    login: digestOf([vhost, username, password]),
    credentials: digestOf([username, password]),
    username: token === undefined ? digestOf(username) : undefined,
    addressed,
    hearsay,
    origin: digestOf(name),
    place: digestOf(place),
  };
}
