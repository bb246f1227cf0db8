// The session: its tokens, their refresh before they expire, and the agreement of all tabs.
//
// A refresh token can be used once, so one tab at a time uses it and shares the result. The token and the idempotency key of
// its refresh are stored as one value: after a lost answer, even in another tab or after a reload, the same refresh is
// repeated with the same key, and the server repeats its answer. Only the server's word ends a session, never the network.
import * as documents from './generated/documents.js';
import { exclusively } from './storage.js';
import { fail, isTokenRejected, parse, toResult, type Reply, type Transport } from './transport.js';
import type { CodeOf, Result, SignedOutReason, SmsLoginOptions, SmsLoginState, SmsLoginStorage, User } from './types.js';

/** A refresh starts when a fifth of the access token's life is left. */
const EARLY = 0.2;
/** How long a message to another tab takes at most. */
const MESSAGE_MS = 50;
const FIRST_RETRY_MS = 2000;
const LAST_RETRY_MS = 60_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The tokens as they are stored. In cookie mode, only the key is stored. */
interface Tokens {
  refreshToken?: string;
  key: string;
  accessToken?: string;
  refreshAt: number;
  expiresAt: number;
  user?: User;
  /** Whether the client does not know if there is a cookie. */
  isGuess?: boolean;
}

interface AccessPayload {
  accessToken: string;
  accessTokenExpiresAt: string;
}

/** A session as `login` and `refreshSession` return it. */
export interface TokenPayload extends AccessPayload {
  refreshToken: string;
  deviceToken?: string | undefined;
  user: User;
}

export type RefreshResult = Result<{ accessToken: string }, CodeOf<'refreshSession'> | 'UNAUTHENTICATED'>;

export interface Sessions {
  /** Resolves when the stored session is read. */
  ready: Promise<void>;
  accessToken(): Promise<string | undefined>;
  refresh(stale?: string): Promise<RefreshResult>;
  /** Sends a request with a valid access token, and again with a new one if the server rejects it. */
  authorized<T>(send: (token: string | undefined) => Promise<T>, isRejected: (answer: T) => boolean | Promise<boolean>): Promise<T>;
  request(query: string, variables: object): Promise<Reply>;
  start(payload: TokenPayload): Promise<void>;
  update(changes: Partial<AccessPayload> & { user?: User }): Promise<void>;
  end(reason: SignedOutReason): Promise<void>;
  close(): void;
}

export function createSessions(
  { cookies, name = 'sms-login' }: SmsLoginOptions,
  storage: SmsLoginStorage,
  transport: Transport,
  newKey: () => Promise<string>,
  setState: (change: Partial<SmsLoginState>) => void,
): Sessions {
  const stored = `${name}.session`;
  let tokens: Tokens | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let retryMs = FIRST_RETRY_MS;
  let refreshing: Promise<RefreshResult> | undefined;
  let isClosed = false;

  // Access tokens of cookie mode are not stored, so tabs send them to each other.
  const channel = cookies && globalThis.BroadcastChannel ? new BroadcastChannel(stored) : undefined;
  (channel as { unref?(): void } | undefined)?.unref?.();
  channel?.addEventListener('message', ({ data }) => adopt(data));
  const unwatch = cookies ? undefined : storage.watch?.((key, value) => key === stored && adopt(parse(value)));

  /** Uses the tokens, or the end of the session, of this tab or of another one. */
  function adopt(value: Tokens | SignedOutReason | undefined): void {
    clearTimeout(timer);
    if (!value || typeof value === 'string') {
      tokens = undefined;
      return setState({ status: 'signedOut', reason: value, user: undefined, accessToken: undefined, offline: false });
    }
    tokens = value;
    retryMs = FIRST_RETRY_MS;
    schedule(value.refreshAt - Date.now());
    const { user, accessToken } = value;
    if (user && accessToken) setState({ status: 'signedIn', reason: undefined, user, accessToken, offline: false });
    else setState({ status: 'starting', reason: undefined, user: undefined, accessToken: undefined, offline: false });
  }

  /** Stores a change, and tells the other tabs. */
  async function keep(value: Tokens | SignedOutReason): Promise<void> {
    adopt(value);
    const isSecret = cookies && typeof value !== 'string';
    await storage.setItem(stored, JSON.stringify(isSecret ? { key: value.key, refreshAt: 0, expiresAt: 0 } : value));
    channel?.postMessage(value);
  }

  function schedule(delay: number): void {
    clearTimeout(timer);
    if (isClosed) return;
    timer = setTimeout(() => void refresh(), Math.min(Math.max(delay, 0), LONGEST_TIMER_MS));
    // Node.js must not wait for it.
    (timer as { unref?(): void }).unref?.();
  }

  /** Returns when to refresh an access token, and when it expires, on this device's clock. */
  function times({ accessToken, accessTokenExpiresAt }: AccessPayload): { refreshAt: number; expiresAt: number } {
    let lifetime: number;
    try {
      // The difference of two times of the server does not depend on this device's clock.
      const { iat, exp } = JSON.parse(atob(accessToken.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/')));
      transport.learn(iat);
      lifetime = (exp - iat) * 1000;
    } catch {
      lifetime = transport.localTime(accessTokenExpiresAt) - Date.now();
    }
    const expiresAt = Date.now() + lifetime;
    return { refreshAt: expiresAt - lifetime * EARLY, expiresAt };
  }

  async function start(payload: TokenPayload): Promise<void> {
    const { refreshToken, accessToken, user } = payload;
    await keep({ refreshToken, key: await newKey(), accessToken, user, ...times(payload) });
  }

  function refresh(stale?: string): Promise<RefreshResult> {
    const isNew = tokens?.accessToken && stale && tokens.accessToken !== stale;
    if (isNew) return Promise.resolve(follow(tokens));
    // Two access tokens of one second can be equal, two keys cannot.
    refreshing ??= ready
      .then(() => {
        const used = tokens?.key;
        return exclusively(storage, `${name}.refresh`, newKey, () => rotate(used));
      })
      .catch((error) => fail('UNKNOWN', String(error)))
      .finally(() => (refreshing = undefined));
    return refreshing;
  }

  /** Reads the tokens that all tabs share. */
  async function read(): Promise<Tokens | SignedOutReason | undefined> {
    try {
      const found = parse<Tokens | SignedOutReason>(await storage.getItem(stored));
      // The end of a session is stored, so a value that is missing was lost.
      if (!cookies) return found ?? tokens;
      const isNewer = () => typeof found === 'object' && !!tokens && found.key !== tokens.key;
      // Another tab has refreshed: its access token is under way. Without it, the stored key is the right one.
      if (isNewer()) await new Promise((resolve) => setTimeout(resolve, MESSAGE_MS));
      return typeof found === 'string' || isNewer() ? found : tokens;
    } catch {
      // A storage that fails must not end the session.
      return tokens;
    }
  }

  /** Uses what another tab has stored. */
  function follow(value: Tokens | SignedOutReason | undefined): RefreshResult {
    if (tokens || typeof value === 'object') adopt(value);
    const token = typeof value === 'object' && value.accessToken;
    return token ? { ok: true, accessToken: token } : fail('UNAUTHENTICATED', 'Nobody is signed in.');
  }

  async function rotate(used: string | undefined): Promise<RefreshResult> {
    const current = await read();
    if (typeof current !== 'object') return follow(current);
    // Another tab may have refreshed while this one waited.
    if (current.key !== used && current.expiresAt > Date.now()) return follow(current);

    const { refreshToken, key } = current;
    const input = { ...(cookies ? {} : { refreshToken }), idempotencyKey: key };
    const result = await toResult<TokenPayload, CodeOf<'refreshSession'>>(transport.send(documents.Refresh, { input }));

    // Meanwhile the user may have signed out, or somebody else in.
    const latest = await read();
    if (typeof latest !== 'object' || latest.key !== key) return follow(latest);

    if (result.ok) {
      await start(result);
      return result;
    }
    const { code, field, retryAt } = result.problem;
    const hasNoCookie = code === 'BAD_INPUT' && (current.isGuess || field === 'input.refreshToken');
    if (/^TOKEN_|^ACCOUNT_/.test(code) || hasNoCookie) {
      await keep(/^ACCOUNT_/.test(code) ? 'disabled' : 'ended');
      // A visitor who has never signed in needs no explanation.
      if (current.isGuess) adopt(undefined);
    } else {
      // A key that the server rejects, for example after a backup was restored, must not be sent again.
      if (code === 'BAD_INPUT') await keep({ ...current, key: await newKey() });
      setState({ offline: true });
      schedule(retryAt ? retryAt - Date.now() : retryMs);
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    }
    return result;
  }

  async function accessToken(): Promise<string | undefined> {
    await ready;
    if (tokens && tokens.refreshAt <= Date.now()) {
      const refreshed = refresh();
      // Until the token expires, it can still be used.
      if (tokens.expiresAt <= Date.now()) await refreshed;
    }
    return tokens?.accessToken;
  }

  async function authorized<T>(
    send: (token: string | undefined) => Promise<T>,
    isRejected: (answer: T) => boolean | Promise<boolean>,
  ): Promise<T> {
    const token = await accessToken();
    const answer = await send(token);
    if (!token || !(await isRejected(answer))) return answer;
    const result = await refresh(token);
    return result.ok ? send(result.accessToken) : answer;
  }

  // Timers of a hidden tab or a sleeping device are late, and a network that is back deserves an attempt at once.
  const look = () => {
    if (tokens && (tokens.refreshAt <= Date.now() || retryMs > FIRST_RETRY_MS) && !globalThis.document?.hidden) void refresh();
  };
  const listen = (method: 'addEventListener' | 'removeEventListener') => {
    globalThis.document?.[method]?.('visibilitychange', look);
    globalThis[method]?.('online', look);
  };
  listen('addEventListener');

  /** Reads the stored session. At once, if the storage can: so the first view is the right one. */
  const found = storage.getItem(stored);
  const begin = async (text: string | null | undefined) => {
    const value = parse<Tokens | SignedOutReason>(text);
    // In cookie mode, the cookie may be there although the stored value is not.
    if (cookies && !value) adopt({ key: await newKey(), refreshAt: 0, expiresAt: 0, isGuess: true });
    else adopt(typeof value === 'string' ? undefined : value);
  };
  const ready: Promise<void> = found && typeof found === 'object' ? found.then(begin, () => begin(null)) : begin(found);

  return {
    ready,
    accessToken,
    refresh,
    authorized,
    request: (query, variables) => authorized((token) => transport.send(query, variables, token), isTokenRejected),
    start,
    async update({ user, ...access }) {
      const current = await read();
      if (typeof current !== 'object') return;
      const changes = access.accessToken ? { accessToken: access.accessToken, ...times(access as AccessPayload) } : {};
      await keep({ ...current, ...changes, ...(user && { user }) });
    },
    end: keep,
    close() {
      isClosed = true;
      clearTimeout(timer);
      unwatch?.();
      channel?.close();
      listen('removeEventListener');
    },
  };
}
