// Signs in with only `fetch`: code, login, me, refresh, logout. After a wrong code, it asks again.
//   npm install && npm start --silent 13711112222
import { createInterface } from 'node:readline/promises';

const url = process.env.SMS_LOGIN_URL ?? 'http://127.0.0.1:8000/graphql';

/** A failure that the client can expect, such as a wrong code or a rate limit. */
class ProblemError extends Error {
  readonly attemptsRemaining: number;

  constructor({ code, message, attemptsRemaining }: { code: string; message: string; attemptsRemaining: number | null }) {
    super(`${code}: ${message}`);
    this.attemptsRemaining = attemptsRemaining ?? 0;
  }
}

/** Runs an operation. Throws a GraphQL error, such as an expired access token or a server that is not available. */
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

/** Runs one mutation and returns its payload. Throws its problem. */
async function mutate<T>(mutation: string, input?: object, token?: string): Promise<T> {
  const query = `${mutation} fragment Problem on Problem { __typename code message attemptsRemaining }`;
  const [result] = Object.values(await graphql<object>(query, input, token));
  if (result.__typename === 'Problem') throw new ProblemError(result);
  return result;
}

interface Tokens {
  accessToken: string;
  refreshToken: string;
}

const phone = process.argv[2] ?? '13711112222';

const { challengeId } = await mutate<{ challengeId: string }>(
  `mutation($input: RequestCodeInput!) {
    requestCode(input: $input) { ... on RequestCodePayload { challengeId } ...Problem }
  }`,
  { phone },
);

const terminal = createInterface({ input: process.stdin, output: process.stdout });

async function login(): Promise<Tokens & { isNewUser: boolean }> {
  const code = await terminal.question('Code: ');
  try {
    return await mutate(
      `mutation($input: LoginInput!) {
        login(input: $input) { ... on LoginPayload { accessToken refreshToken isNewUser } ...Problem }
      }`,
      { phone, code, challengeId, deviceName: 'TypeScript example' },
    );
  } catch (error) {
    // A code has three attempts.
    if (!(error instanceof ProblemError) || error.attemptsRemaining === 0) throw error;
    console.log(`Wrong code. Attempts left: ${error.attemptsRemaining}.`);
    return login();
  }
}

const session = await login();
terminal.close();
console.log(session.isNewUser ? 'Signed up.' : 'Signed in.');

const { me } = await graphql<{ me: { phone: string } }>('{ me { phone } }', undefined, session.accessToken);
console.log(`You are ${me.phone}.`);

// An app does this before accessTokenExpiresAt. A refresh token is valid once, so store the new one.
const tokens = await mutate<Tokens>(
  `mutation($input: RefreshSessionInput!) {
    refreshSession(input: $input) { ... on RefreshSessionPayload { accessToken refreshToken } ...Problem }
  }`,
  { refreshToken: session.refreshToken },
);
console.log('Refreshed.');

await mutate('mutation { logout { ... on LogoutPayload { endedSessions } ...Problem } }', undefined, tokens.accessToken);
console.log('Signed out.');
