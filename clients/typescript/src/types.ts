// The types of the client. Those of the server's schema are generated.
import type { Raises } from './generated/raises.js';
import type * as Schema from './generated/schema.js';

export type { CaptchaInput, CodeChannel, CodePurpose, DeliveryStatus, ErrorCode, RateLimit, Session } from './generated/schema.js';

/** The user who is signed in. */
export type User = Pick<Schema.User, 'id' | 'name' | 'avatar' | 'phone' | 'createdAt' | 'lastLoginAt'>;

/**
 * The codes that every request can fail with. `NETWORK`: there was no answer, and a repetition is safe. `UNKNOWN`: the answer
 * was not one of this server.
 */
export type GeneralCode = 'UNAVAILABLE' | 'INTERNAL' | 'QUERY_TOO_COMPLEX' | 'NETWORK' | 'UNKNOWN';

/** Why the app could not show the captcha that the server requires, or why the user did not solve it. */
export type CaptchaCode = 'CAPTCHA_CLOSED' | 'CAPTCHA_UNAVAILABLE';

/** The codes of all problems. */
export type ProblemCode = Schema.ErrorCode | GeneralCode | CaptchaCode;

/** The codes with which one operation of the schema can fail. */
export type CodeOf<Operation extends keyof Raises> = Raises[Operation] | GeneralCode;

/** Why a request failed. Choose the text for your users by `code`. */
export interface Problem<Code extends ProblemCode = ProblemCode> {
  code: Code;
  /** One English sentence for developers. */
  message: string;
  /** The path of the argument that is wrong, such as `input.phone`. */
  field?: string | null;
  /** How many attempts the code has left, with `CODE_INCORRECT`. */
  attemptsRemaining?: number | null;
  /** The limit that rejected the request, with `RATE_LIMITED`. */
  limit?: Schema.RateLimit | null;
  /** The earliest time of a retry, on this device's clock, in milliseconds. */
  retryAt?: number | null;
  /** The app id of the captcha, with `CAPTCHA_REQUIRED` and `CAPTCHA_FAILED`. */
  captchaAppId?: string | null;
  /** The id of the request in the server's log. */
  requestId?: string | null;
}

/** What an operation returns. It never throws. */
export type Result<Payload, Code extends ProblemCode = ProblemCode> =
  | ({ ok: true; problem?: undefined } & Payload)
  | { ok: false; problem: Problem<Code> };

/** A code that was sent, and that the user has not entered yet. Times are on this device's clock, in milliseconds. */
export interface Challenge {
  challengeId: string;
  purpose: Schema.CodePurpose;
  channel: Schema.CodeChannel;
  /** The phone as the user entered it. Absent if the code went to the account's own phone. */
  phone?: string | undefined;
  /** What the user confirms, with the purpose `VERIFY`. */
  reference?: string | undefined;
  /** When the code expires. */
  expiresAt: number;
  /** The earliest time at which the phone can get another code. */
  resendAt: number;
  /** How many more codes the phone can get today. Null if the server has no daily limit. */
  sendsRemaining: number | null;
  /** The number of digits. */
  codeLength: number;
  /** The random part of the idempotency keys for this challenge. */
  key: string;
  /** Whether the server has said that no code is accepted any more, for example after too many attempts. */
  isOver?: boolean | undefined;
}

export type Challenges = { readonly [Purpose in Schema.CodePurpose]?: Challenge };

/**
 * Why nobody is signed in. `ended`: the session expired or was ended on another device. `disabled`: an operator has disabled
 * the account.
 */
export type SignedOutReason = 'signedOut' | 'ended' | 'deleted' | 'disabled';

interface SignedOut {
  status: 'signedOut';
  /** Undefined if nobody was signed in before. */
  reason?: SignedOutReason | undefined;
  user?: undefined;
  accessToken?: undefined;
  offline: false;
}

interface Starting {
  status: 'starting';
  reason?: undefined;
  user?: undefined;
  accessToken?: undefined;
  /** Whether the server could not be reached. The client tries again by itself. */
  offline: boolean;
}

interface SignedIn {
  status: 'signedIn';
  reason?: undefined;
  user: User;
  /** The latest access token. `accessToken()` renews it first if it has expired. */
  accessToken: string;
  /** Whether the session could not be refreshed, because the server could not be reached. The client tries again by itself. */
  offline: boolean;
}

/** The state of the client. Each change makes a new object. */
export type SmsLoginState = (SignedOut | Starting | SignedIn) & {
  /** The codes that were sent, by purpose. */
  challenges: Challenges;
};

type MaybePromise<T> = T | Promise<T>;

/** Where a client keeps its data. `localStorage` and React Native's `AsyncStorage` fit as they are. */
export interface SmsLoginStorage {
  getItem(key: string): MaybePromise<string | null | undefined>;
  setItem(key: string, value: string): unknown;
  /** Calls `listener` when another tab has changed a value. Returns a function that stops it. */
  watch?(listener: (key: string, value: string | null) => void): () => void;
  /** Whether other tabs or processes use the same data, so that refreshes need a lock. By default true. */
  shared?: boolean;
}

/** The part of `fetch` that the client uses. */
export type Fetch = (
  url: string,
  init: { method: string; headers: Record<string, string>; body: string; credentials?: 'include' | 'omit' },
) => Promise<{ headers: { get(name: string): string | null }; json(): Promise<unknown> }>;

/** The part of `WebSocket` that the client uses. */
export type WebSocketClass = new (url: string, protocol: string) => {
  onopen: unknown;
  onmessage: unknown;
  onclose: unknown;
  onerror: unknown;
  send(data: string): void;
  close(): void;
};

export interface SmsLoginOptions {
  /** The address of the server's API, such as `https://sms.example.com/graphql`. */
  url: string;
  /** By default `localStorage`, or memory if there is none. */
  storage?: SmsLoginStorage | undefined;
  /** Whether the tokens are in cookies that scripts cannot read. Needs `COOKIES=true` on the server. */
  cookies?: boolean | undefined;
  /** The user's language as a BCP 47 tag; it chooses the text of the SMS. By default the header `Accept-Language`, which browsers send. */
  locale?: string | (() => string | undefined) | undefined;
  /** The name of this device in the user's list of sessions. */
  deviceName?: string | (() => string | undefined) | undefined;
  /** The hash of an Android app that reads the code from the SMS. */
  appHash?: string | undefined;
  /** The prefix of the keys in `storage`. By default `sms-login`. */
  name?: string | undefined;
  fetch?: Fetch | undefined;
  /** Reports the delivery of messages. Without it the client polls. */
  WebSocket?: WebSocketClass | undefined;
  /** Returns random bytes, on platforms without `crypto.getRandomValues`. */
  random?: ((bytes: number) => MaybePromise<ArrayLike<number>>) | undefined;
}
