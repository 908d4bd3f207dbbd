/**
 * The server of a cluster with the scheme that client-go adds where there is none, and only without a path
 * (`DefaultServerURL` of `rest`): http, since no TLS setting is looked at before.
 */
export function withScheme(server: string): string {
  return /^[^/?#]+\/?$/.test(server) ? `http://${server}` : server;
}

/** Scheme, host, port and path of a server, without a slash at its end; `undefined` if that is no http or https URL. */
export function serverUrl(server: string): string | undefined {
  const url = URL.parse(server);
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') return undefined;
  // kubectl sends them; here they are no part of it, and are not to be dropped silently.
  if (url.username !== '' || url.password !== '') return undefined;
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** How a message names a server that cannot be used: a password may stand before an @. */
export function shownServer(server: string): string {
  return server.includes('@') ? 'one with a user or password' : `'${server}'`;
}
