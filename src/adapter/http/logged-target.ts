const ABSOLUTE = /^([a-z][a-z0-9+.-]*:\/\/|\/\/)([^/?#]*)(.*)$/is;

/** A host and its port, as URLs spell them. What is cut off within a password is none. */
const HOST = /^(?:\[[\da-f:.%]*\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?$/i;

const HIDDEN = '…';

/**
 * A request target as it may be logged. In absolute form it can hold a password (PHP's `request_fulluri`), and so can a
 * query, which may also be a message (`?body=`): of that the names stay. What is no target may be anything.
 */
export function loggedTarget(target: string): string {
  const at = target.search(/[?#]/);
  const query = at < 0 ? '' : hiddenQuery(target.slice(at));
  const rest = at < 0 ? target : target.slice(0, at);
  const absolute = ABSOLUTE.exec(rest);
  if (absolute === null) return rest.startsWith('/') || rest === '*' ? rest + query : HIDDEN;
  const [, scheme = '', authority = '', path = ''] = absolute;
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  return `${scheme}${HOST.test(host) ? host : HIDDEN}${path}${query}`;
}

function hiddenQuery(query: string): string {
  if (query.startsWith('#')) return `#${HIDDEN}`;
  const fields = query
    .slice(1)
    .split('&')
    .map((field) => {
      const end = field.indexOf('=');
      return end < 0 ? HIDDEN : `${field.slice(0, end)}=${HIDDEN}`;
    });
  return `?${fields.join('&')}`;
}
