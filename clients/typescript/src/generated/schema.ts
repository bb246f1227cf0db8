// Generated from schema.graphql by `npm run generate`. Do not edit.
export type Maybe<T> = T | null;
export type InputMaybe<T> = Maybe<T>;
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** A point in time in UTC, in the form of RFC 3339, such as `2026-03-01T12:00:00Z`. */
  DateTime: { input: string; output: string; }
  /**
   * A mobile phone number. As output it is in E.164, such as `+8613711112222`. As input it is in E.164 or a national
   * number of the server's default region, such as `137 1111 2222`, and has at most 64 characters. Spaces, hyphens and
   * brackets are ignored.
   */
  PhoneNumber: { input: string; output: string; }
};

/** The result that Tencent Captcha's client library returns when the user has passed the captcha. */
export type CaptchaInput = {
  /** The `ticket` of the result. */
  ticket: Scalars['String']['input'];
  /** The `randstr` of the result. The captcha of a mini-program has none, so leave it out there. */
  randstr?: InputMaybe<Scalars['String']['input']>;
};

/** The new phone and the code of purpose `CHANGE_PHONE` that it received. */
export type ChangePhoneInput = {
  /** The new phone, which received the code. */
  phone: Scalars['PhoneNumber']['input'];
  /** The six digits from the SMS. Any other text fails with `BAD_INPUT` and costs no attempt. */
  code: Scalars['String']['input'];
  /** The `challengeId` that `requestCode` returned for this code. Every other one fails with `CHALLENGE_MISMATCH`. */
  challengeId: Scalars['ID']['input'];
};

/** The user after the change of the phone. */
export type ChangePhonePayload = {
  /** The user with the new values. */
  user: User;
};

/** The result of `changePhone`. */
export type ChangePhoneResult = ChangePhonePayload | Problem;

/** The way in which a code reaches the phone. */
export type CodeChannel =
  /** A text message. */
  | 'SMS'
  /** A call, in which a voice reads the code aloud. Only if the server has a route for it, and only after an SMS. */
  | 'VOICE';

/** The delivery of a code's message. `DELIVERED`, `FAILED` and `UNKNOWN` are final. */
export type CodeDelivery = {
  /** How far the message has got. */
  status: DeliveryStatus;
  /** When the message got this status. */
  updatedAt: Scalars['DateTime']['output'];
  /** Why the message could not be delivered, in one plain English sentence. Null unless the status is `FAILED`. */
  reason: Maybe<Scalars['String']['output']>;
};

/** What a code can be used for. A code issued for one purpose is rejected for every other. */
export type CodePurpose =
  /** To sign up or sign in, with `login`. */
  | 'LOGIN'
  /**
   * To confirm that the user of the session holds the account's phone, with `reauthenticate`. The code is sent to the
   * account's own phone. Needs sign-in.
   */
  | 'REAUTHENTICATE'
  /** To move the account to the phone that receives the code, with `changePhone`. Needs sign-in. */
  | 'CHANGE_PHONE'
  /** To delete the account, with `deleteAccount`. The code is sent to the account's own phone. Needs sign-in. */
  | 'DELETE_ACCOUNT'
  /** To prove to another service that the user has the phone, with `verifyCode`. */
  | 'VERIFY';

/** A code of purpose `DELETE_ACCOUNT` that the account's own phone received. */
export type DeleteAccountInput = {
  /** The six digits from the SMS. Any other text fails with `BAD_INPUT` and costs no attempt. */
  code: Scalars['String']['input'];
  /** The `challengeId` that `requestCode` returned for this code. Every other one fails with `CHALLENGE_MISMATCH`. */
  challengeId: Scalars['ID']['input'];
};

/** The account that was deleted. */
export type DeleteAccountPayload = {
  /** The id of the deleted user, for example to remove them from a client's cache. */
  deletedUserId: Scalars['ID']['output'];
};

/** The result of `deleteAccount`. */
export type DeleteAccountResult = DeleteAccountPayload | Problem;

/** How far a message has got. */
export type DeliveryStatus =
  /** The server's gateway has queued the message. */
  | 'QUEUED'
  /** The provider accepted the message. */
  | 'ACCEPTED'
  /** The message arrived. */
  | 'DELIVERED'
  /** The message could not be delivered. `reason` says why. */
  | 'FAILED'
  /** The code has expired, and the server does not know whether the message arrived. */
  | 'UNKNOWN';

/**
 * The codes of failures: `code` of a `Problem`, and `extensions.code` of a GraphQL error, whose `extensions.errorCode` has
 * the number.
 */
export type ErrorCode =
  /** -1001: a value is missing, too long or malformed. `field` is the path of the argument, such as `input.code`. */
  | 'BAD_INPUT'
  /** -1002: the phone is not a possible mobile number. `field` is the path of the argument. */
  | 'INVALID_PHONE'
  /**
   * -1003: the SMS provider did not confirm the send. If the SMS still arrives, its code is void. Request a new one
   * after `retryAfterSeconds`.
   */
  | 'SMS_SEND_FAILED'
  /** -1005: the access or refresh token is malformed, forged or revoked. */
  | 'TOKEN_INVALID'
  /** -1006: the access or refresh token has expired. */
  | 'TOKEN_EXPIRED'
  /** -1008: the field needs sign-in, but the request has no access token. */
  | 'UNAUTHENTICATED'
  /** -1009: the session signed in too long ago for this. Use `reauthenticate` first. */
  | 'REAUTHENTICATION_REQUIRED'
  /** -1100: the code has expired, was already used, or has no attempts left. Request a new one. */
  | 'CODE_EXPIRED'
  /** -1102: the digits are wrong. `attemptsRemaining` says how many attempts are left for this code. */
  | 'CODE_INCORRECT'
  /** -1103: the `challengeId` was not issued for this phone and purpose, or not for this user. This costs no attempt. */
  | 'CHALLENGE_MISMATCH'
  /** -1201: the sign-in could not be stored. The code stays valid: send it again after `retryAfterSeconds`. */
  | 'SIGNUP_FAILED'
  /** -1203: another account has this phone. The code is used up. */
  | 'PHONE_TAKEN'
  /** -1204: an operator has disabled the account. The code is used up. */
  | 'ACCOUNT_DISABLED'
  /**
   * -1301: a rate limit, which `limit` names, rejects the request. Try again after `retryAfterSeconds`, at
   * `retryAt`.
   */
  | 'RATE_LIMITED'
  /** -1302: a captcha is required. `captchaAppId` is the app id for the captcha's client library. */
  | 'CAPTCHA_REQUIRED'
  /**
   * -1303: the captcha was not passed, or the captcha service is unavailable. Let the user solve a new one, now or
   * later, with the app id `captchaAppId`.
   */
  | 'CAPTCHA_FAILED'
  /** -1304: the server sends no codes to the phone's region. */
  | 'REGION_NOT_ALLOWED'
  /** -1305: the carrier or the SMS provider blocks this number. */
  | 'NUMBER_BLOCKED'
  /**
   * -1401: the request is too deep, too complex or too large, or it has more than one field that accepts a
   * phone, a code or a refresh token.
   */
  | 'QUERY_TOO_COMPLEX'
  /** -1501: a store is unavailable or too slow. The server refunds what it can. Try again after `retryAfterSeconds`. */
  | 'UNAVAILABLE'
  /** -1599: the server has a fault. Report it with the `requestId`. */
  | 'INTERNAL';

/** The phone, the code from its SMS and the `challengeId` from `requestCode`. */
export type LoginInput = {
  /** The phone that received the code. */
  phone: Scalars['PhoneNumber']['input'];
  /** The six digits from the SMS. Any other text fails with `BAD_INPUT` and costs no attempt. */
  code: Scalars['String']['input'];
  /** The `challengeId` that `requestCode` returned for this code. Every other one fails with `CHALLENGE_MISMATCH`. */
  challengeId: Scalars['ID']['input'];
  /** A name for the device in the user's list of sessions, such as `Anna's phone`; 1 to 64 characters. */
  deviceName?: InputMaybe<Scalars['String']['input']>;
  /**
   * The `deviceToken` of an earlier `login` on this device for this phone. Such a device has its own rate limits, and the
   * new token is for the same device. Every other text has no effect.
   */
  deviceToken?: InputMaybe<Scalars['String']['input']>;
  /**
   * A random string of 16 to 128 characters. For two minutes, and until the session is refreshed or ends, repeating the
   * request with the same key returns the same session.
   */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** The new session's tokens and its user. */
export type LoginPayload = {
  /** A JWT for the header `Authorization: Bearer <token>`. */
  accessToken: Scalars['String']['output'];
  /** When the access token expires. From then on, it is rejected with `TOKEN_EXPIRED`. */
  accessTokenExpiresAt: Scalars['DateTime']['output'];
  /**
   * An opaque token that `refreshSession` exchanges, once, for new tokens. Store it where only the app can read it. Empty
   * in cookie mode.
   */
  refreshToken: Scalars['String']['output'];
  /** When the refresh token expires, and with it the session. */
  refreshTokenExpiresAt: Scalars['DateTime']['output'];
  /**
   * An opaque token that proves that this device once signed in with the phone. Keep it after the session has ended, and
   * send it with later requests: the device has its own quota then. It grants no access. Empty in cookie mode.
   */
  deviceToken: Scalars['String']['output'];
  /** The user who signed in. */
  user: User;
  /** Whether this sign-in created the account. */
  isNewUser: Scalars['Boolean']['output'];
};

/** The result of `login`. */
export type LoginResult = LoginPayload | Problem;

/** The sessions to end. Without either field, only the session of the access token ends. */
export type LogoutInput = {
  /** The ids of the sessions to end, at most 100; more fail with `BAD_INPUT`. Sessions of other users are ignored. */
  sessionIds?: InputMaybe<Array<Scalars['ID']['input']>>;
  /** Whether to end all sessions of the user, including the current one. If true, `sessionIds` is ignored. */
  everywhere?: Scalars['Boolean']['input'];
};

/** The result of ending sessions. */
export type LogoutPayload = {
  /** How many active sessions were ended. */
  endedSessions: Scalars['Int']['output'];
};

/** The result of `logout`. */
export type LogoutResult = LogoutPayload | Problem;

/** Operations that change something. */
export type Mutation = {
  /**
   * Sends a one-time code of six digits by SMS. Send the code back with its `challengeId`: to `login`, or to the
   * mutation of its purpose.
   */
  requestCode: RequestCodeResult;
  /** Signs the user in with a code of purpose `LOGIN`. If no account has the phone, this creates one. */
  login: LoginResult;
  /**
   * Exchanges a refresh token for a new refresh token and a new access token. A refresh token is valid once. Reusing
   * an older token ends the session. For a few seconds, the immediately preceding token returns the same new refresh
   * token instead.
   */
  refreshSession: RefreshSessionResult;
  /**
   * Confirms that the user of the session holds the account's phone, with a code of purpose `REAUTHENTICATE` that this
   * phone received. For a few minutes, the session can then use `changePhone`. Needs sign-in.
   */
  reauthenticate: ReauthenticateResult;
  /**
   * Ends the current session, the given sessions, or all sessions. Their access tokens are rejected immediately.
   * Needs sign-in; in cookie mode, the refresh cookie is enough.
   */
  logout: LogoutResult;
  /** Changes the user's name and avatar. A field that is absent or null stays unchanged. Needs sign-in. */
  updateProfile: UpdateProfileResult;
  /**
   * Moves the account to another phone, with a code of purpose `CHANGE_PHONE` that the new phone received. All other
   * sessions of the user end. Needs a session that signed in, or used `reauthenticate`, in the last minutes.
   */
  changePhone: ChangePhoneResult;
  /**
   * Deletes the account and all data of the user, with a code of purpose `DELETE_ACCOUNT` that the account's own
   * phone received. The phone can sign up again, as a new user. Needs sign-in.
   */
  deleteAccount: DeleteAccountResult;
  /**
   * Exchanges a code of purpose `VERIFY` for a signed proof that the user has the phone. Any service can check the
   * proof with the server's public keys. This does not sign the user in and does not create an account.
   */
  verifyCode: VerifyCodeResult;
};


/** Operations that change something. */
export type MutationRequestCodeArgs = {
  input: RequestCodeInput;
};


/** Operations that change something. */
export type MutationLoginArgs = {
  input: LoginInput;
};


/** Operations that change something. */
export type MutationRefreshSessionArgs = {
  input?: InputMaybe<RefreshSessionInput>;
};


/** Operations that change something. */
export type MutationReauthenticateArgs = {
  input: ReauthenticateInput;
};


/** Operations that change something. */
export type MutationLogoutArgs = {
  input?: InputMaybe<LogoutInput>;
};


/** Operations that change something. */
export type MutationUpdateProfileArgs = {
  input: UpdateProfileInput;
};


/** Operations that change something. */
export type MutationChangePhoneArgs = {
  input: ChangePhoneInput;
};


/** Operations that change something. */
export type MutationDeleteAccountArgs = {
  input: DeleteAccountInput;
};


/** Operations that change something. */
export type MutationVerifyCodeArgs = {
  input: VerifyCodeInput;
};

/** A failure that the client can expect. The fields that do not apply to its code are null. */
export type Problem = {
  /** The kind of failure. Choose the text for your users by it. */
  code: ErrorCode;
  /** One English sentence for developers. Show your users your own text instead. */
  message: Scalars['String']['output'];
  /** The numeric code, such as -1102. Each code has its own. */
  number: Scalars['Int']['output'];
  /** The path of the argument that is wrong, such as `input.phone`. */
  field: Maybe<Scalars['String']['output']>;
  /** How many attempts this code has left, with `CODE_INCORRECT`. */
  attemptsRemaining: Maybe<Scalars['Int']['output']>;
  /** The rate limit that rejected the request, with `RATE_LIMITED`. */
  limit: Maybe<RateLimit>;
  /** The earliest time at which a retry can succeed, with every problem that has `retryAfterSeconds`. */
  retryAt: Maybe<Scalars['DateTime']['output']>;
  /**
   * After how many seconds to retry. If the mutation is the only field of the request, the header `Retry-After` has the
   * same number.
   */
  retryAfterSeconds: Maybe<Scalars['Int']['output']>;
  /** The app id for the captcha's client library, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`. */
  captchaAppId: Maybe<Scalars['String']['output']>;
  /** The id of the request in the server's log, if the server or the SMS provider is at fault. Report it to the operator. */
  requestId: Maybe<Scalars['ID']['output']>;
};

/** Operations that read. */
export type Query = {
  /** The user who is signed in. Null if the request has no access token; an error if its token is invalid or expired. */
  me: Maybe<User>;
  /** Any user, by id. Null if there is no such user. Needs sign-in. */
  user: Maybe<User>;
  /**
   * How far the message of a challenge has got. Null if the id is unknown, and for a moment after `requestCode`. Needs no
   * sign-in: the challenge id is the proof. A document can select at most ten of these fields.
   */
  codeDelivery: Maybe<CodeDelivery>;
};


/** Operations that read. */
export type QueryUserArgs = {
  id: Scalars['ID']['input'];
};


/** Operations that read. */
export type QueryCodeDeliveryArgs = {
  challengeId: Scalars['ID']['input'];
};

/** A rate limit that can reject a request. */
export type RateLimit =
  /** The minimum time between two codes for one phone. */
  | 'COOLDOWN'
  /** The number of codes for one phone in a calendar day. */
  | 'PHONE_DAILY'
  /** The number of unverified codes for one client address in an hour. A code that is used does not count. */
  | 'IP_HOURLY'
  /** The number of unverified codes for one client address in a day. A code that is used does not count. */
  | 'IP_DAILY'
  /** The number of consecutive wrong codes for one phone. */
  | 'FAILED_ATTEMPTS'
  /** The number of wrong codes from one client address in an hour. */
  | 'IP_ATTEMPTS'
  /** The number of codes in a calendar day over all phones. */
  | 'TOTAL_DAILY'
  /** The price of all messages of a calendar day. */
  | 'SPEND_DAILY'
  /** The guard against SMS pumping. */
  | 'GUARD'
  /** A limit of the SMS provider. */
  | 'PROVIDER';

/** A code of purpose `REAUTHENTICATE` that the account's own phone received. */
export type ReauthenticateInput = {
  /** The six digits from the SMS. Any other text fails with `BAD_INPUT` and costs no attempt. */
  code: Scalars['String']['input'];
  /** The `challengeId` that `requestCode` returned for this code. Every other one fails with `CHALLENGE_MISMATCH`. */
  challengeId: Scalars['ID']['input'];
};

/** The session's new access token. */
export type ReauthenticatePayload = {
  /** A JWT for the header `Authorization: Bearer <token>`. Its `auth_time` is the time of this request. */
  accessToken: Scalars['String']['output'];
  /** When the access token expires. From then on, it is rejected with `TOKEN_EXPIRED`. */
  accessTokenExpiresAt: Scalars['DateTime']['output'];
};

/** The result of `reauthenticate`. */
export type ReauthenticateResult = ReauthenticatePayload | Problem;

/** The refresh token of a session. In cookie mode it is in a cookie, and this input can be left out. */
export type RefreshSessionInput = {
  /** The latest refresh token that the client received, from `login` or `refreshSession`. Required, except in cookie mode. */
  refreshToken?: InputMaybe<Scalars['String']['input']>;
  /**
   * A random string of 16 to 128 characters, a new one for each refresh. Until the new refresh token is used, repeating
   * the request with the same key returns the same new refresh token.
   */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** The session's new tokens. */
export type RefreshSessionPayload = {
  /** A JWT for the header `Authorization: Bearer <token>`. */
  accessToken: Scalars['String']['output'];
  /** When the access token expires. From then on, it is rejected with `TOKEN_EXPIRED`. */
  accessTokenExpiresAt: Scalars['DateTime']['output'];
  /** The next refresh token. Replace the old one with it: the old one must not be used again. Empty in cookie mode. */
  refreshToken: Scalars['String']['output'];
  /** When the refresh token expires, and with it the session. */
  refreshTokenExpiresAt: Scalars['DateTime']['output'];
  /** The user of the session. */
  user: User;
};

/** The result of `refreshSession`. */
export type RefreshSessionResult = RefreshSessionPayload | Problem;

/** The phone that gets a code, and the purpose of the code. */
export type RequestCodeInput = {
  /**
   * The phone that gets the code. For `CHANGE_PHONE` it is the new phone. For `REAUTHENTICATE` and `DELETE_ACCOUNT` it must
   * be the account's own phone, and can be left out. All other purposes require it.
   */
  phone?: InputMaybe<Scalars['PhoneNumber']['input']>;
  /** What the client will use the code for. The code is valid for this purpose only. */
  purpose?: CodePurpose;
  /**
   * The transaction that the user confirms, such as `transfer:9981`. It is copied into the proof. Only for `VERIFY`;
   * 1 to 128 characters without control characters.
   */
  reference?: InputMaybe<Scalars['String']['input']>;
  /** The result of a captcha. Send it after a `CAPTCHA_REQUIRED` error. */
  captcha?: InputMaybe<CaptchaInput>;
  /**
   * The `deviceToken` that `login` returned on this device for this phone. Such a device has its own rate limits, which
   * nobody else can use up. Every other text has no effect.
   */
  deviceToken?: InputMaybe<Scalars['String']['input']>;
  /**
   * The challenge that this request replaces, because its SMS has not arrived. Its id is void then, and its code is accepted
   * with the new id until it expires. Ignored if that challenge is not valid any more, or has another phone, purpose or
   * reference.
   */
  resendOf?: InputMaybe<Scalars['ID']['input']>;
  /**
   * The way in which the code reaches the phone. A call can only follow an SMS: `VOICE` needs the challenge of the SMS in
   * `resendOf`, so offer it to users whose SMS has not arrived.
   */
  channel?: CodeChannel;
  /**
   * The user's language as a BCP 47 tag, such as `zh-CN`; it chooses the text of the SMS. Without it, the `Accept-Language`
   * header of the request decides.
   */
  locale?: InputMaybe<Scalars['String']['input']>;
  /**
   * The hash of an Android app that reads the code from the SMS with the SMS Retriever API: 11 characters. The SMS contains
   * it if the server's template has a place for it.
   */
  appHash?: InputMaybe<Scalars['String']['input']>;
  /**
   * A random text of 16 to 128 characters, such as a UUID. Use the same one again if the answer was lost: while the code is
   * valid, the server repeats its answer and sends no second SMS. The other arguments must be the same.
   */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** A code that was issued and sent. */
export type RequestCodePayload = {
  /** The id of this challenge. Keep it, and send it together with the code. */
  challengeId: Scalars['ID']['output'];
  /** When the code expires. From then on, it is rejected with `CODE_EXPIRED`. */
  expiresAt: Scalars['DateTime']['output'];
  /**
   * The earliest time at which this phone can be sent another code. If no send is left today, this is the start of
   * tomorrow. Requests before this time fail with `RATE_LIMITED`.
   */
  resendAt: Scalars['DateTime']['output'];
  /** How many more codes can be sent to this phone today. Null if the server has no daily limit. */
  sendsRemaining: Maybe<Scalars['Int']['output']>;
  /** The number of digits in the code, for the input field. */
  codeLength: Scalars['Int']['output'];
};

/** The result of `requestCode`. */
export type RequestCodeResult = RequestCodePayload | Problem;

/** A session: a device on which the user is signed in. */
export type Session = {
  /** The id of the session, which `logout` accepts. It is also the `sid` claim of the session's access tokens. */
  id: Scalars['ID']['output'];
  /** The name of the device from `login`. Null if the client sent no name. */
  deviceName: Maybe<Scalars['String']['output']>;
  /** The client address of the sign-in, or of the last refresh if there was one. */
  lastAddress: Scalars['String']['output'];
  /** When the user signed in. */
  createdAt: Scalars['DateTime']['output'];
  /** When the session was last refreshed, or created if it was never refreshed. */
  lastUsedAt: Scalars['DateTime']['output'];
  /** When the session ends if it is not refreshed before. */
  expiresAt: Scalars['DateTime']['output'];
  /** Whether this is the session of the request's access token. */
  current: Scalars['Boolean']['output'];
};

/** Operations that follow changes. */
export type Subscription = {
  /**
   * How far the message of a challenge has got: the status now, then each change. It completes after a final status or if
   * the id stays unknown for a minute. Needs no sign-in: the challenge id is the proof.
   */
  codeDelivery: CodeDelivery;
};


/** Operations that follow changes. */
export type SubscriptionCodeDeliveryArgs = {
  challengeId: Scalars['ID']['input'];
};

/** The fields of the profile to change. A field that is absent or null stays unchanged. */
export type UpdateProfileInput = {
  /**
   * The user's name: at most 32 characters (extended grapheme clusters), without control characters. An empty text removes the
   * name.
   */
  name?: InputMaybe<Scalars['String']['input']>;
  /**
   * The `https` URL of the user's picture, at most 512 characters. An empty text replaces the picture by one of those that new
   * users get.
   */
  avatar?: InputMaybe<Scalars['String']['input']>;
};

/** The user after the change of the profile. */
export type UpdateProfilePayload = {
  /** The user with the new values. */
  user: User;
};

/** The result of `updateProfile`. */
export type UpdateProfileResult = UpdateProfilePayload | Problem;

/** A user with an account. */
export type User = {
  /** A UUIDv7, which never changes. */
  id: Scalars['ID']['output'];
  /** The user's name. Empty until the user sets one. */
  name: Scalars['String']['output'];
  /** The URL of the user's picture. Until the user sets one, it is a random default picture. */
  avatar: Scalars['String']['output'];
  /** The user's phone. Null for every other user than the one who is signed in. */
  phone: Maybe<Scalars['PhoneNumber']['output']>;
  /** When the user signed up. */
  createdAt: Scalars['DateTime']['output'];
  /** When the user last signed in with a code. Null for every other user than the one who is signed in. */
  lastLoginAt: Maybe<Scalars['DateTime']['output']>;
  /**
   * The user's active sessions, the most recently used first, at most 100. Null for every other user than
   * the one who is signed in.
   */
  sessions: Maybe<Array<Session>>;
};

/** A phone and the code of purpose `VERIFY` that it received. */
export type VerifyCodeInput = {
  /** The phone that received the code. */
  phone: Scalars['PhoneNumber']['input'];
  /** The six digits from the SMS. Any other text fails with `BAD_INPUT` and costs no attempt. */
  code: Scalars['String']['input'];
  /** The `challengeId` that `requestCode` returned for this code. Every other one fails with `CHALLENGE_MISMATCH`. */
  challengeId: Scalars['ID']['input'];
};

/** A proof that the user has the phone. */
export type VerifyCodePayload = {
  /**
   * A JWT with the phone in `sub`, the `reference` if one was requested, and the server's `PROOF_AUDIENCE` in `aud`.
   * A service that must accept a proof only once stores its `jti` until the proof expires.
   */
  proof: Scalars['String']['output'];
  /** When the proof expires. It is valid for five minutes. */
  proofExpiresAt: Scalars['DateTime']['output'];
};

/** The result of `verifyCode`. */
export type VerifyCodeResult = VerifyCodePayload | Problem;
