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
  `# Sends a code by SMS. Pass it with the challengeId to Login.
mutation RequestCode($input: RequestCodeInput!) {
  requestCode(input: $input) {
    ... on RequestCodePayload {
      challengeId
      expiresAt
      resendAt
      sendsRemaining
      codeLength
    }
    ... on Problem {
      code
      message
      field
      limit
      retryAfterSeconds
    }
  }
}
`,
  `# Signs a user in with the code. A new phone gets a new account.
mutation Login($input: LoginInput!) {
  login(input: $input) {
    ... on LoginPayload {
      accessToken
      accessTokenExpiresAt
      refreshToken
      isNewUser
      user {
        id
        phone
      }
    }
    ... on Problem {
      code
      message
      attemptsRemaining
      retryAfterSeconds
    }
  }
}
`,
  `# Changes the given fields.
mutation UpdateProfile($input: UpdateProfileInput!) {
  updateProfile(input: $input) {
    ... on UpdateProfilePayload {
      user {
        id
        name
        avatar
      }
    }
    ... on Problem {
      code
      message
      field
    }
  }
}
`,
] as const;

const VARIABLES: (object | undefined)[] = [
  undefined,
  undefined,
  { input: { phone: '+8613711112222' } },
  { input: { phone: '+8613711112222', code: '', challengeId: '' } },
  { input: { name: 'Lin' } },
];

export function firstTabs(headers: string): { query: string; variables: string; headers: string }[] {
  return QUERIES.map((query, index) => {
    const variables = VARIABLES[index];
    return { query, variables: variables ? JSON.stringify(variables, null, 2) : '', headers };
  });
}
