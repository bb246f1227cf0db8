// The Explorer's first tabs.

export const QUERIES = [
  `# Who is signed in. Headers has the token.
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
  `# The devices that are signed in.
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
  `# Sends a code by SMS. Show it, with the sessionId, to Login.
mutation RequestCode($input: RequestCodeInput!) {
  requestCode(input: $input) {
    sessionId
    expiresAt
    resendAt
    sendsRemaining
  }
}
`,
  `# Signs a person in with the code, and up where the phone is new.
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
  `# Changes what is given; the rest stays.
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
