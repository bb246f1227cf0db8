// Signs in with only `fetch`: code, login, me, refresh, logout. Needs Node.js 22.18 or newer:
//   node login.ts 13711112222
import { createInterface } from 'node:readline/promises';

const url = process.env.SMS_LOGIN_URL ?? 'http://127.0.0.1:8000/graphql';

async function graphql<T>(query: string, input?: object, token?: string): Promise<T> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify({ query, variables: { input } }),
  });
  const { data, errors } = (await response.json()) as { data: T; errors?: { message: string; extensions: { code: string } }[] };
  if (errors?.[0]) throw new Error(`${errors[0].extensions.code}: ${errors[0].message}`);
  return data;
}

interface Tokens {
  accessToken: string;
  refreshToken: string;
}

const phone = process.argv[2] ?? '13711112222';

const { requestCode } = await graphql<{ requestCode: { sessionId: string } }>(
  'mutation($input: RequestCodeInput!) { requestCode(input: $input) { sessionId } }',
  { phone },
);

const terminal = createInterface({ input: process.stdin, output: process.stdout });
const code = await terminal.question('Code: ');
terminal.close();

const { login } = await graphql<{ login: Tokens & { isNewUser: boolean } }>(
  'mutation($input: LoginInput!) { login(input: $input) { accessToken refreshToken isNewUser } }',
  { phone, code, sessionId: requestCode.sessionId, deviceName: 'TypeScript example' },
);
console.log(login.isNewUser ? 'Signed up.' : 'Signed in.');

const { me } = await graphql<{ me: { phone: string } }>('{ me { phone } }', undefined, login.accessToken);
console.log(`You are ${me.phone}.`);

// An app does this before accessTokenExpiresAt. A refresh token is valid once, so store the new one.
const { refreshSession } = await graphql<{ refreshSession: Tokens }>(
  'mutation($input: RefreshSessionInput!) { refreshSession(input: $input) { accessToken refreshToken } }',
  { refreshToken: login.refreshToken },
);
console.log('Refreshed.');

await graphql('mutation { logout { endedSessions } }', undefined, refreshSession.accessToken);
console.log('Signed out.');
