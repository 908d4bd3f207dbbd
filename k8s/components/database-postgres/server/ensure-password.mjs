// Gives a Secret of this namespace a password, unless it has one, and writes that to a file. In a pod, with nothing
// but Node: `node ensure-password.mjs SECRET FILE ACCOUNT`, of which the last is the folder with a ServiceAccount's
// token. NODE_EXTRA_CA_CERTS names the file with the authority of the API server.
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';

const timeoutMs = 10_000;
const [name, file, account] = process.argv.slice(2);
const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;

try {
  let secret = await ask('GET');
  if (!secret.data?.password) {
    const password = Buffer.from(randomBytes(32).toString('hex')).toString('base64');
    // With the version that was read: of two at once one is refused, starts again, and reads the other's.
    const { resourceVersion } = secret.metadata;
    secret = await ask('PATCH', { metadata: { resourceVersion }, data: { password } });
  }
  await writeFile(file, Buffer.from(secret.data.password, 'base64'), { mode: 0o600 });
} catch (error) {
  console.error(`cannot ensure that Secret ${name} has a password: ${reasonOf(error)}`);
  process.exitCode = 1;
}

async function ask(method, change) {
  const [token, namespace] = await Promise.all(
    ['token', 'namespace'].map((part) => readFile(`${account}/${part}`, 'utf8')),
  );
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const response = await fetch(
    `https://${authority}/api/v1/namespaces/${namespace}/secrets/${name}`,
    {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/merge-patch+json',
      },
      body: change && JSON.stringify(change),
      signal: AbortSignal.timeout(timeoutMs),
    },
  );
  const answer = await response.json();
  // Else it is a Status, which says why.
  if (!response.ok) throw new Error(`${method} is answered ${response.status}: ${answer.message}`);
  return answer;
}

/** Of fetch it is in the cause. */
function reasonOf(error) {
  return error.cause instanceof Error ? error.cause.message : error.message;
}
