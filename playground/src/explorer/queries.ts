// The Explorer's first tabs.

export const QUERIES = [
  `# The signed-in user. The token is under Headers.
query Me {
  me {
    id
    name
    phone
    avatar
    createdAt
    lastLoginAt
  }
}
`,
  `# The signed-in devices.
query Sessions {
  me {
    sessions {
      id
      deviceName
      lastUsedAt
      expiresAt
      current
    }
  }
}
`,
  `# Sends a code by SMS. Pass it with the sessionId to Login.
mutation RequestCode($input: RequestCodeInput!) {
  requestCode(input: $input) {
    sessionId
    expiresAt
    resendAt
    sendsRemaining
  }
}
`,
  `# Signs a user in with the code. A new phone gets a new account.
mutation Login($input: LoginInput!) {
  login(input: $input) {
    accessToken
    accessTokenExpiresAt
    refreshToken
    isNewUser
    user {
      id
      phone
    }
  }
}
`,
  `# Changes the given fields.
mutation UpdateProfile($input: UpdateProfileInput!) {
  updateProfile(input: $input) {
    user {
      id
      name
      avatar
    }
  }
}
`,
] as const;

const VARIABLES: (object | undefined)[] = [
  undefined,
  undefined,
  { input: { phone: '+8613711112222' } },
  { input: { phone: '+8613711112222', code: '', sessionId: '' } },
  { input: { name: 'Lin' } },
];

export function firstTabs(headers: string): { query: string; variables: string; headers: string }[] {
  return QUERIES.map((query, index) => {
    const variables = VARIABLES[index];
    return { query, variables: variables ? JSON.stringify(variables, null, 2) : '', headers };
  });
}
