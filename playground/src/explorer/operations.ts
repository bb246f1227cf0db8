// The Explorer's ready operations: one for every field of the schema. A test compares them with the schema.
import type { CodePurpose } from 'sms-login';

export type Kind = 'query' | 'mutation' | 'subscription';

export interface Operation {
  name: string;
  kind: Kind;
  query: string;
  variables: Record<string, unknown> | undefined;
  /** The purpose of the code that the operation needs. */
  purpose?: CodePurpose;
}

const PHONE = '+8613711112222';
const USER = ['id', 'name', 'avatar', 'phone', 'createdAt', 'lastLoginAt'];
const CODE = { code: '', challengeId: '' };
const RETRY = ['retryAfterSeconds'];

/** Prints the fields of a selection set, each on a line. */
function lines(fields: readonly (string | readonly string[])[], indent: string): string {
  return fields
    .map((field) => (typeof field === 'string' ? `${indent}${field}\n` : `${indent}user {\n${lines(field, `${indent}  `)}${indent}}\n`))
    .join('');
}

/** Prints a mutation whose field is `name`, and which selects the payload or the problem. */
function mutation(name: string, fields: (string | string[])[], problem: string[], comment: string): string {
  const title = name.charAt(0).toUpperCase() + name.slice(1);
  const required = name === 'logout' ? '' : '!';
  return `# ${comment}
mutation ${title}($input: ${title}Input${required}) {
  ${name}(input: $input) {
    ... on ${title}Payload {
${lines(fields, '      ')}    }
    ... on Problem {
${lines(['code', 'message', ...problem], '      ')}    }
  }
}
`;
}

export const OPERATIONS: readonly Operation[] = [
  {
    name: 'RequestCode',
    kind: 'mutation',
    variables: { input: { phone: PHONE, purpose: 'LOGIN' } },
    query: mutation(
      'requestCode',
      ['challengeId', 'expiresAt', 'resendAt', 'sendsRemaining', 'codeLength'],
      ['field', 'limit', 'captchaAppId', ...RETRY],
      'Sends a code by SMS. Its challengeId goes into the operation that uses the code.',
    ),
  },
  {
    name: 'Login',
    kind: 'mutation',
    purpose: 'LOGIN',
    variables: { input: { phone: PHONE, ...CODE } },
    query: mutation(
      'login',
      ['accessToken', 'accessTokenExpiresAt', 'refreshToken', 'deviceToken', 'isNewUser', USER],
      ['attemptsRemaining', ...RETRY],
      'Signs a user in with the code, here and in the account view.',
    ),
  },
  {
    name: 'RefreshSession',
    kind: 'mutation',
    variables: { input: { refreshToken: '' } },
    query: mutation(
      'refreshSession',
      ['accessToken', 'accessTokenExpiresAt', 'refreshToken', 'refreshTokenExpiresAt'],
      [],
      'Exchanges the refresh token of Login. Each refresh token works once.',
    ),
  },
  {
    name: 'UpdateProfile',
    kind: 'mutation',
    variables: { input: { name: 'Lin' } },
    query: mutation('updateProfile', [USER], ['field'], 'Changes the given fields.'),
  },
  {
    name: 'Reauthenticate',
    kind: 'mutation',
    purpose: 'REAUTHENTICATE',
    variables: { input: CODE },
    query: mutation(
      'reauthenticate',
      ['accessToken', 'accessTokenExpiresAt'],
      ['attemptsRemaining', ...RETRY],
      'Confirms that the user still holds the phone. ChangePhone needs this after a while.',
    ),
  },
  {
    name: 'ChangePhone',
    kind: 'mutation',
    purpose: 'CHANGE_PHONE',
    variables: { input: { phone: '+8613711113333', ...CODE } },
    query: mutation('changePhone', [USER], ['attemptsRemaining', ...RETRY], 'Moves the account to the phone that received the code.'),
  },
  {
    name: 'VerifyCode',
    kind: 'mutation',
    purpose: 'VERIFY',
    variables: { input: { phone: PHONE, ...CODE } },
    query: mutation(
      'verifyCode',
      ['proof', 'proofExpiresAt'],
      ['attemptsRemaining', ...RETRY],
      'Exchanges the code for a signed proof that the user has the phone.',
    ),
  },
  {
    name: 'Logout',
    kind: 'mutation',
    variables: { input: { everywhere: false } },
    query: mutation('logout', ['endedSessions'], [], 'Ends the session of the access token.'),
  },
  {
    name: 'DeleteAccount',
    kind: 'mutation',
    purpose: 'DELETE_ACCOUNT',
    variables: { input: CODE },
    query: mutation('deleteAccount', ['deletedUserId'], ['attemptsRemaining', ...RETRY], 'Deletes the account. This cannot be undone.'),
  },
  {
    name: 'Me',
    kind: 'query',
    variables: undefined,
    query: `# The signed-in user and their sessions.
query Me {
  me {
    id
    name
    phone
    avatar
    createdAt
    lastLoginAt
    sessions {
      id
      deviceName
      createdAt
      lastUsedAt
      expiresAt
      current
    }
  }
}
`,
  },
  {
    name: 'User',
    kind: 'query',
    variables: { id: '' },
    query: `# Any user, by id.
query User($id: ID!) {
  user(id: $id) {
    id
    name
    avatar
    createdAt
  }
}
`,
  },
  {
    name: 'CodeDelivery',
    kind: 'query',
    variables: { challengeId: '' },
    query: `# How far the SMS has got.
query CodeDelivery($challengeId: ID!) {
  codeDelivery(challengeId: $challengeId) {
    status
    updatedAt
    reason
  }
}
`,
  },
  {
    name: 'DeliveryChanges',
    kind: 'subscription',
    variables: { challengeId: '' },
    query: `# The same, and each change of it.
subscription DeliveryChanges($challengeId: ID!) {
  codeDelivery(challengeId: $challengeId) {
    status
    updatedAt
    reason
  }
}
`,
  },
];
