import { Pool } from 'undici';

/** GET over one undici pool, as JSON; `undefined` for 404. */
export function jsonClient(port: number): (path: string) => Promise<unknown> {
  const pool = new Pool(`http://127.0.0.1:${port}`);
  return async (path) => {
    const { statusCode, body } = await pool.request({ method: 'GET', path });
    const text = await body.text();
    return statusCode === 404 ? undefined : (JSON.parse(text) as unknown);
  };
}
