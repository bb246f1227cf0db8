// The client: codes, the session and the account of one user.
import { followDelivery, type Delivery } from './delivery.js';
import * as documents from './generated/documents.js';
import { createSessions, type RefreshResult, type TokenPayload } from './session.js';
import { reliable, webStorage } from './storage.js';
import { createTransport, fail, isTokenRejected, parse, toResult, type Reply } from './transport.js';
import type {
  CaptchaInput,
  Challenge,
  Challenges,
  CodeChannel,
  CodeOf,
  CodePurpose,
  Problem,
  ProblemCode,
  Result,
  Session,
  SmsLoginOptions,
  SmsLoginState,
  User,
} from './types.js';

export interface RequestCodeOptions {
  /**
   * The phone with its calling code, or a national number of the server's default region. For the purposes `REAUTHENTICATE` and
   * `DELETE_ACCOUNT` it can be left out.
   */
  phone?: string | undefined;
  /** By default `LOGIN`. */
  purpose?: CodePurpose | undefined;
  /** `VOICE` calls the phone. Only after an SMS that has not arrived. */
  channel?: CodeChannel | undefined;
  /** What the user confirms, with the purpose `VERIFY`. */
  reference?: string | undefined;
  /** The result of a captcha, after the problem `CAPTCHA_REQUIRED`. */
  captcha?: CaptchaInput | undefined;
  /** The language of the SMS, instead of the option `locale` of the client. */
  locale?: string | undefined;
  /** Whether the code replaces the previous one for this phone and purpose, which is still accepted. By default true. */
  resend?: boolean | undefined;
}

export interface LoginOptions {
  code: string;
  /** Instead of the option `deviceName` of the client. */
  deviceName?: string | undefined;
}

type RequestCodeResult = Result<{ challenge: Challenge }, CodeOf<'requestCode'>>;

export interface SmsLogin {
  /** The current state. It is a new object after each change. */
  readonly state: SmsLoginState;
  /** Calls `listener` after each change of the state. Returns a function that stops it. */
  subscribe(listener: () => void): () => void;

  /** Sends a code. Repeat the call if its answer was lost: no second SMS is sent. */
  requestCode(options: RequestCodeOptions): Promise<RequestCodeResult>;
  /** Forgets the code of a purpose, so that the user can enter another phone. By default that of `LOGIN`. */
  forgetCode(purpose?: CodePurpose): void;
  /** Reports how far a message has got, until the last status. Returns a function that stops it. */
  delivery(challengeId: string, listener: (delivery: Delivery) => void): () => void;

  /** Signs in with the code for `LOGIN`. Repeat the call if its answer was lost: it returns the same session. */
  login(options: LoginOptions): Promise<Result<{ user: User; isNewUser: boolean }, CodeOf<'login'>>>;
  /** Exchanges the code for `VERIFY` for a signed proof that the user has the phone. */
  verifyCode(options: { code: string }): Promise<Result<{ proof: string; proofExpiresAt: string }, CodeOf<'verifyCode'>>>;
  /** Confirms the phone of the session with the code for `REAUTHENTICATE`. */
  reauthenticate(options: { code: string }): Promise<Result<object, CodeOf<'reauthenticate'>>>;
  /** Moves the account to the phone that received the code for `CHANGE_PHONE`. */
  changePhone(options: { code: string }): Promise<Result<{ user: User }, CodeOf<'changePhone'>>>;
  /** Deletes the account with the code for `DELETE_ACCOUNT`. */
  deleteAccount(options: { code: string }): Promise<Result<{ deletedUserId: string }, CodeOf<'deleteAccount'>>>;

  /** Reads the user's profile. Null if nobody is signed in. */
  me(): Promise<Result<{ user: User | null }, CodeOf<'me'>>>;
  updateProfile(changes: { name?: string; avatar?: string }): Promise<Result<{ user: User }, CodeOf<'updateProfile'>>>;
  /** Reads the devices on which the user is signed in. */
  sessions(): Promise<Result<{ sessions: Session[] }, CodeOf<'me'>>>;
  /** Ends sessions of the user on other devices. */
  endSessions(...sessionIds: string[]): Promise<Result<{ endedSessions: number }, CodeOf<'logout'>>>;
  /** Signs out here, even if the server cannot be reached, or with `everywhere` on all devices. */
  logout(options?: { everywhere?: boolean }): Promise<Result<{ endedSessions: number }, CodeOf<'logout'>>>;

  /** Uses a session that was created without this client, for example by a request of your own to `login`. */
  start(session: TokenPayload): Promise<void>;
  /** Returns a valid access token, or undefined if nobody is signed in. */
  accessToken(): Promise<string | undefined>;
  /** Gets a new access token, unless another call or another tab has got one since `stale`. */
  refresh(stale?: string): Promise<RefreshResult>;
  /** `fetch` with the access token, and again with a new one if the GraphQL server rejects it. */
  fetch: typeof globalThis.fetch;
  /** Runs any GraphQL document with the access token. Returns its data and its errors. Rejects if there is no answer. */
  graphql(query: string, variables?: object): Promise<Reply>;

  /** Converts a time of the server, such as a session's `lastUsedAt`, to this device's clock, in milliseconds. */
  localTime(instant: string): number;
  /** Stops timers and listeners. */
  close(): void;
}

interface StoredCodes {
  challenges: Challenges;
  /** For each purpose, the request whose answer has not arrived, and its idempotency key. */
  pending: { [Purpose in CodePurpose]?: { request: string; key: string } };
}

const valueOf = (option: string | (() => string | undefined) | undefined) => (typeof option === 'function' ? option() : option);

export function createSmsLogin(options: SmsLoginOptions): SmsLogin {
  const { cookies, name = 'sms-login' } = options;
  const storage = reliable(options.storage ?? webStorage());
  const transport = createTransport(options);
  const listeners = new Set<() => void>();
  let state: SmsLoginState = { status: 'starting', offline: false, challenges: {} };
  let pending: StoredCodes['pending'] = {};

  async function newKey(): Promise<string> {
    const bytes = await (options.random ?? ((count) => crypto.getRandomValues(new Uint8Array(count))))(16);
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  function setState(change: Partial<SmsLoginState>): void {
    state = { ...state, ...change } as SmsLoginState;
    // Without a session, the codes that belong to it are useless.
    if (state.status === 'signedOut') state.challenges = pick(state.challenges, ({ purpose }) => /^LOGIN|^VERIFY/.test(purpose));
    for (const listener of listeners) listener();
  }

  function pick(challenges: Challenges, isWanted: (challenge: Challenge) => boolean): Challenges {
    return Object.fromEntries(Object.entries(challenges).filter(([, challenge]) => isWanted(challenge)));
  }

  const sessions = createSessions(options, storage, transport, newKey, setState);

  // The codes, and the keys of requests without an answer, survive a reload.
  const codesKey = `${name}.codes`;
  const found = storage.getItem(codesKey);
  const load = (text: string | null | undefined) => {
    const codes = parse<StoredCodes>(text) ?? ({} as Partial<StoredCodes>);
    pending = codes.pending ?? {};
    setState({ challenges: pick(codes.challenges ?? {}, ({ expiresAt }) => expiresAt > Date.now()) });
  };
  const ready = Promise.all([sessions.ready, found && typeof found === 'object' ? found.then(load, () => {}) : load(found)]);

  async function keepCodes(challenges = state.challenges): Promise<void> {
    if (challenges !== state.challenges) setState({ challenges });
    await storage.setItem(codesKey, JSON.stringify({ challenges, pending } satisfies StoredCodes));
  }

  function forgetCode(purpose: CodePurpose = 'LOGIN'): Promise<void> {
    return keepCodes(pick(state.challenges, (challenge) => challenge.purpose !== purpose));
  }

  /** In cookie mode, the device token is in a cookie too. */
  async function deviceToken(): Promise<string | undefined> {
    if (cookies) return undefined;
    try {
      return (await storage.getItem(`${name}.device`)) ?? undefined;
    } catch {
      return undefined;
    }
  }

  function run<T, Code extends ProblemCode>(query: string, input: object): Promise<Result<T, Code>> {
    return toResult<T, Code>(sessions.request(query, { input }));
  }

  async function requestCode(wanted: RequestCodeOptions): Promise<RequestCodeResult> {
    await ready;
    const { phone, purpose = 'LOGIN', channel = 'SMS', reference, captcha, resend = true, locale = valueOf(options.locale) } = wanted;
    const last = state.challenges[purpose];
    const isAgain = resend && !last?.isOver && last?.phone === phone && last?.reference === reference;
    const request = {
      phone,
      purpose,
      channel,
      reference,
      captcha,
      resendOf: isAgain ? last?.challengeId : undefined,
      deviceToken: await deviceToken(),
      locale,
      appHash: options.appHash,
    };

    // The same request has the same key until it has succeeded, so a lost answer costs no second SMS.
    const text = JSON.stringify(request);
    const key = pending[purpose]?.request === text ? pending[purpose].key : await newKey();
    pending = { ...pending, [purpose]: { request: text, key } };
    await keepCodes();

    type Payload = { challengeId: string; expiresAt: string; resendAt: string; sendsRemaining: number | null; codeLength: number };
    const result = await run<Payload, CodeOf<'requestCode'>>(documents.RequestCode, { ...request, idempotencyKey: key });
    if (!result.ok) return result;
    const { challengeId, expiresAt, resendAt, sendsRemaining, codeLength } = result;
    const challenge: Challenge = {
      challengeId,
      purpose,
      channel,
      phone,
      reference,
      expiresAt: transport.localTime(expiresAt),
      resendAt: transport.localTime(resendAt),
      sendsRemaining,
      codeLength,
      key: await newKey(),
    };
    pending = { ...pending, [purpose]: undefined };
    await keepCodes({ ...state.challenges, [purpose]: challenge });
    return { ok: true, challenge };
  }

  /** Sends a code back, and forgets it if the server has accepted it. */
  async function confirm<T, Operation extends keyof typeof OPERATIONS>(
    operation: Operation,
    code: string,
    rest: (challenge: Challenge) => object | Promise<object> = () => ({}),
    accept?: (payload: T) => Promise<void>,
  ): Promise<Result<T, CodeOf<Operation>>> {
    await ready;
    const [purpose, query] = OPERATIONS[operation];
    const challenge = state.challenges[purpose];
    if (!challenge) return fail('CODE_EXPIRED', 'Request a code first.');
    const input = { code, challengeId: challenge.challengeId, ...(await rest(challenge)) };
    const result = await run<T, CodeOf<Operation>>(query, input);
    if (!result.ok) {
      const isLatest = state.challenges[purpose]?.challengeId === challenge.challengeId;
      if (isLatest && isEnd(result.problem)) await keepCodes({ ...state.challenges, [purpose]: { ...challenge, isOver: true } });
      return result;
    }
    await accept?.(result);
    await forgetCode(purpose);
    return result;
  }

  async function start(payload: TokenPayload): Promise<void> {
    if (payload.deviceToken) await storage.setItem(`${name}.device`, payload.deviceToken);
    await sessions.start(payload);
  }

  const phoneOf = ({ phone }: Challenge) => ({ phone });

  /** Uses the user's new profile, or the new access token, here and in the other tabs. */
  const update = (payload: { user?: User; accessToken?: string; accessTokenExpiresAt?: string }) => sessions.update(payload);

  return {
    get state() {
      return state;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    requestCode,
    forgetCode: (purpose) => void forgetCode(purpose),
    delivery: (challengeId, listener) => followDelivery(options, transport, challengeId, listener),

    async login({ code, deviceName = valueOf(options.deviceName) }) {
      type Payload = TokenPayload & { isNewUser: boolean };
      const input = async ({ phone, key }: Challenge) => ({
        phone,
        deviceName,
        deviceToken: await deviceToken(),
        // The same code has the same key, also after a reload.
        idempotencyKey: `${key}-${code}`,
      });
      const result = await confirm<Payload, 'login'>('login', code, input, start);
      return result.ok ? { ok: true, user: result.user, isNewUser: result.isNewUser } : result;
    },
    verifyCode: ({ code }) => confirm('verifyCode', code, phoneOf),
    reauthenticate: ({ code }) => confirm('reauthenticate', code, undefined, update),
    changePhone: ({ code }) => confirm<{ user: User }, 'changePhone'>('changePhone', code, phoneOf, update),
    deleteAccount: ({ code }) => confirm('deleteAccount', code, undefined, () => sessions.end('deleted')),

    async me() {
      const answer = sessions.request(documents.Me, {});
      const result = await toResult<{ user: User | null }, CodeOf<'me'>>(
        answer.then(({ data, errors }) => ({ ...(errors && { errors }), data: data ? { me: { user: data.me } } : null })),
      );
      if (result.ok && result.user) await update({ user: result.user });
      return result;
    },
    async updateProfile(changes) {
      const result = await run<{ user: User }, CodeOf<'updateProfile'>>(documents.UpdateProfile, changes);
      if (result.ok) await update(result);
      return result;
    },
    sessions: () => run(documents.Sessions, {}),
    endSessions: (...sessionIds) => run(documents.Logout, { sessionIds }),
    async logout({ everywhere = false } = {}) {
      const result = await run<{ endedSessions: number }, CodeOf<'logout'>>(documents.Logout, { everywhere });
      await sessions.end('signedOut');
      return result;
    },

    start,
    accessToken: sessions.accessToken,
    refresh: sessions.refresh,
    fetch: (input, init = {}) =>
      sessions.authorized(
        (token) => {
          const headers = new Headers(init.headers);
          if (token) headers.set('authorization', `Bearer ${token}`);
          return globalThis.fetch(input instanceof Request ? input.clone() : input, { ...init, headers });
        },
        async (response) => {
          // A stream of several parts is not read here.
          if (!/json/.test(response.headers.get('content-type') ?? '')) return false;
          return isTokenRejected((await response.clone().json().catch(() => ({}))) as Reply);
        },
      ),
    graphql: (query, variables = {}) => sessions.request(query, variables),
    localTime: transport.localTime,
    close: sessions.close,
  };
}

/** Returns whether a challenge accepts no code any more after this problem. */
function isEnd({ code, attemptsRemaining }: Problem): boolean {
  return attemptsRemaining === 0 || /^(CODE_EXPIRED|CHALLENGE_MISMATCH|PHONE_TAKEN|ACCOUNT_DISABLED)$/.test(code);
}

/** The purpose of the code that each operation takes, and its document. */
const OPERATIONS = {
  login: ['LOGIN', documents.Login],
  verifyCode: ['VERIFY', documents.VerifyCode],
  reauthenticate: ['REAUTHENTICATE', documents.Reauthenticate],
  changePhone: ['CHANGE_PHONE', documents.ChangePhone],
  deleteAccount: ['DELETE_ACCOUNT', documents.DeleteAccount],
} as const;
