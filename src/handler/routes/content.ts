import { type AppContext, headerOf } from '../bindings.ts';
import { type ContentCoding, readContentCoding } from '../content-coding.ts';
import { formTypeOf } from '../message/form.ts';
import { readContentType } from '../message/media-type.ts';

/**
 * What a route takes for a body: a `message`, which a form wraps and anything else is; a `batch`, which always has a
 * structure; or a `call` of the management plugin's, which looks at neither header.
 */
export type ExpectedContent = 'message' | 'batch' | 'call';

/** What the headers say of a body. A message's own coding is its consumer's to decode, and no `coding` here. */
export type Content =
  | { readonly kind: 'content'; readonly coding?: ContentCoding }
  | { readonly kind: 'not-one-type'; readonly message: string }
  | { readonly kind: 'unknown-coding' };

const asItIs: Content = { kind: 'content' };

export function contentOf(c: AppContext, expected: ExpectedContent): Content {
  if (expected === 'call') return asItIs;
  const type = readContentType(headerOf(c, 'content-type'));
  if (type.kind === 'malformed') return { kind: 'not-one-type', message: type.message };
  if (expected === 'message' && formTypeOf(type) === undefined) return asItIs;
  const coding = readContentCoding(headerOf(c, 'content-encoding'));
  if (coding === 'unknown') return { kind: 'unknown-coding' };
  return coding === 'identity' ? asItIs : { kind: 'content', coding };
}
