import { decodeByteString } from './message/utf8.ts';

/** What a JSON Web Token (RFC 7519) says of itself. Nobody has verified it: that is the broker's to do. */
export interface TokenClaims {
  /** `sub` and `client_id`, as far as it has them. */
  readonly names: readonly string[];
  /** Every text among the claims: RabbitMQ may call the user by any of them, as it is configured. */
  readonly texts: readonly string[];
  /** `exp`, in milliseconds since the epoch; infinite where it has none. */
  readonly expiresAt: number;
  /**
   * Equal for tokens that agree in all claims but their times and ids (`iat`, `nbf`, `exp`, `jti`). Undefined where two
   * readers might disagree about the claims: a name stands twice in one object.
   */
  readonly lasting: string | undefined;
}

/** JWS Compact Serialization (RFC 7515 section 7.1) with a signature. */
const COMPACT = /^([\w-]+)\.([\w-]+)\.[\w-]+$/;

const OF_ONE_TOKEN: ReadonlySet<string> = new Set(['iat', 'nbf', 'exp', 'jti']);

/** The claims of a token, or `undefined` for any other text. */
export function parseToken(text: string): TokenClaims | undefined {
  const [, header = '', payload = ''] = COMPACT.exec(text) ?? [];
  if (typeof jsonObject(decodeBase64Url(header))?.alg !== 'string') return undefined;
  const json = decodeBase64Url(payload);
  const claims = jsonObject(json);
  if (json === undefined || claims === undefined) return undefined;
  const { sub, client_id: clientId, exp } = claims;
  return {
    names: [sub, clientId].filter((claim) => typeof claim === 'string'),
    texts: Object.values(claims).filter((claim) => typeof claim === 'string'),
    expiresAt: typeof exp === 'number' ? exp * 1000 : Number.POSITIVE_INFINITY,
    lasting: canonical(json),
  };
}

function decodeBase64Url(text: string): string | undefined {
  try {
    return decodeByteString(atob(text.replaceAll('-', '+').replaceAll('_', '/')));
  } catch {
    return undefined;
  }
}

function jsonObject(json: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json ?? '');
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const LEXEME = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s"[\]{},:]+/g;

const MAX_DEPTH = 16;

class Ambiguous extends Error {}

/**
 * A JSON object in one spelling, without what belongs to one token only. Numbers stay as they are written: as
 * JavaScript's, two that differ may be equal.
 *
 * @param json a text that is JSON
 */
function canonical(json: string): string | undefined {
  const lexemes = json.match(LEXEME) ?? [];
  let at = 0;
  const next = (): string => lexemes[at++] ?? '';
  const items = (end: string, item: () => void): void => {
    if (lexemes[at] === end) at += 1;
    else
      do item();
      while (next() === ',');
  };
  const value = (depth: number): string => {
    if (depth > MAX_DEPTH) throw new Ambiguous();
    const lexeme = next();
    if (lexeme === '[') {
      const elements: string[] = [];
      items(']', () => elements.push(value(depth + 1)));
      return `[${elements}]`;
    }
    if (lexeme === '{') return object(depth);
    return lexeme.startsWith('"') ? respelled(lexeme) : lexeme;
  };
  const object = (depth: number): string => {
    const members = new Map<string, string>();
    items('}', () => {
      const name = respelled(next());
      if (members.has(name)) throw new Ambiguous();
      // The colon.
      next();
      members.set(name, value(depth + 1));
    });
    if (depth === 0) for (const name of OF_ONE_TOKEN) members.delete(JSON.stringify(name));
    return `{${[...members].map(([name, text]) => `${name}:${text}`).sort()}}`;
  };
  try {
    return value(0);
  } catch (error) {
    if (error instanceof Ambiguous) return undefined;
    throw error;
  }
}

const respelled = (string: string): string => JSON.stringify(JSON.parse(string));
