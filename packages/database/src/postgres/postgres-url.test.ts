import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { PeerCertificate } from 'node:tls';
import { parsePostgresUrl } from './postgres-url';

let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'movies-url-'));
  file = path.join(folder, 'file');
  writeFileSync(file, 'what is in it\n');
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const parse = (rest: string) => parsePostgresUrl(`postgres://${rest.replaceAll('FILE', file)}`);

it('has defaults for all but user, host and database', () => {
  expect(parse('me@host/db')).toMatchObject({
    host: 'host',
    port: 5432,
    database: 'db',
    user: 'me',
    tls: false,
    poolSize: 5,
  });
});

it('takes what is percent-encoded, IPv6, and another port', async () => {
  const location = parsePostgresUrl('postgresql://m%40e:p%3Aw@[::1]:6432/d%20b?pool-size=20');
  expect(location).toMatchObject({
    host: '::1',
    port: 6432,
    database: 'd b',
    user: 'm@e',
    poolSize: 20,
  });
  expect(await location.password()).toBe('p:w');
});

it('reads the password file when it is asked, without the new line at its end', async () => {
  const { password } = parse('me@host/db?password-file=FILE');
  expect(await password()).toBe('what is in it');
  writeFileSync(file, ' new ');
  expect(await password()).toBe(' new ');
});

it.each([
  ['host/db', 'there is no user'],
  ['me@host', 'there is no database'],
  ['me@host/db/more', 'there is no database'],
  ['me:secret@/db', 'expected postgres://user[:password]@host[:port]/database'],
  ['me:secret@host:port/db', 'expected postgres://user[:password]@host[:port]/database'],
  ['me:secret@host/db#x', "'#' is no part of it: in a password it is written %23"],
  ['me:sec%ret@host/db', "its password is not percent-encoded: a '%' is written %25"],
  ['me@host/db?ssl=true', "the parameter 'ssl' is not known; known are password-file, sslmode,"],
  ['me@host/db?sslmode=prefer', "'sslmode' is one of disable, require, verify-ca, verify-full"],
  ['me@host/db?sslmode=require&sslmode=disable', "'sslmode' is given twice"],
  ['me@host/db?password-file=', "'password-file' has no value"],
  [
    'me@host/db?password-file=/no/such',
    "cannot read the file of 'password-file', /no/such: ENOENT",
  ],
  [
    'me:secret@host/db?password-file=FILE',
    "it holds a password, and 'password-file' names another",
  ],
  ['me@host/db?sslrootcert=FILE', "'sslrootcert' is of no use without sslmode=verify-full"],
  ['me@host/db?sslmode=require&sslcert=FILE', "'sslcert' and 'sslkey' go together"],
  ['me@host/db?sslmode=verify-ca&sslrootcert=/no', "cannot read the file of 'sslrootcert', /no"],
  ['me@host/db?pool-size=0', "'pool-size' is a number from 1 to 999, and not '0'"],
])('refuses %s, without its secret', (rest, reason) => {
  let message = '';
  try {
    parse(rest);
  } catch (error: unknown) {
    message = (error as Error).message;
  }
  expect(message).toContain(reason);
  expect(message).not.toMatch(/secret|sec%ret/);
});

it.each([
  ['sslmode=require', false],
  ['sslmode=require&sslrootcert=FILE', true],
  ['sslmode=verify-ca', true],
  ['sslmode=verify-full&sslrootcert=system', true],
])('with %s checks who signed: %p', (parameters, rejectUnauthorized) => {
  expect(parse(`me@host/db?${parameters}`).tls).toMatchObject({ rejectUnauthorized });
});

it('checks the name for verify-full, and for no other', () => {
  const identityFault = (mode: string) => {
    const { tls } = parse(`me@host/db?sslmode=${mode}`);
    const certificate = { subject: { CN: 'other' }, subjectaltname: 'DNS:other' };
    return tls === false ? tls : tls.checkServerIdentity?.('', certificate as PeerCertificate);
  };
  expect(identityFault('verify-full')).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  expect(identityFault('verify-ca')).toBeUndefined();
  expect(identityFault('require')).toBeUndefined();
});
