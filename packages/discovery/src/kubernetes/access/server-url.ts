/** Scheme, host, port and path of a server, without a slash at its end; `undefined` if that is no http or https URL. */
export function serverUrl(server: string): string | undefined {
  const url = URL.parse(server);
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') return undefined;
  // kubectl sends them; here they are no part of it, and are not to be dropped silently.
  if (url.username !== '' || url.password !== '') return undefined;
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
