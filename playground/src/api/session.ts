// The session: the tokens, their refresh before they expire, and the synchronization of all tabs.
//
// The access token is only in memory. The refresh token is in localStorage, for reloads and other tabs. It can be used
// once, so one tab at a time uses it and shares the result. A production app keeps it in a cookie that scripts cannot
// read: see docs/sessions-and-tokens.md.
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { learnTime, localTime } from './clock';
import { ApiError, isTokenRefused, payloadOf, toFailure } from './failure';
import { LogoutDocument, RefreshSessionDocument } from './generated/operations';
import { newKey } from './idempotency';

export type SignedOutNotice = 'ended' | 'deleted' | 'signedOut';

export type SessionState =
  | { status: 'starting'; offline: boolean }
  | { status: 'signedOut'; notice?: SignedOutNotice | undefined }
  | { status: 'signedIn'; offline: boolean; accessToken: string };

export interface AccessToken {
  accessToken: string;
  accessTokenExpiresAt: string;
}

export interface Tokens extends AccessToken {
  refreshToken: string;
}

interface Access {
  token: string;
  refreshAt: number;
}

type Message = { kind: 'tokens'; access: Access } | { kind: 'signedOut'; notice: SignedOutNotice };

const ENDPOINT = '/graphql';
const STORED = 'sms-login.refresh-token';
const RETRY_MS = 3000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const channel = new BroadcastChannel('sms-login.session');
const listeners = new Set<() => void>();
let state: SessionState = localStorage.getItem(STORED) ? { status: 'starting', offline: false } : { status: 'signedOut' };
let access: Access | undefined;
let timer: number | undefined;
let refreshing: Promise<void> | undefined;

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function getState(): SessionState {
  return state;
}

function setState(next: SessionState): void {
  state = next;
  for (const listener of listeners) listener();
}

/** Stores the tokens of a sign-in or a refresh, and shares them with the other tabs. */
export function accept(tokens: Tokens): void {
  // The token and the key of its refresh are one value: a reload after a lost answer repeats the refresh with this key.
  localStorage.setItem(STORED, `${tokens.refreshToken} ${newKey()}`);
  acceptAccess(tokens);
}

/** Uses a new access token of the session, here and in the other tabs. */
export function acceptAccess({ accessToken, accessTokenExpiresAt }: AccessToken): void {
  const lifetime = localTime(accessTokenExpiresAt) - Date.now();
  const taken = { token: accessToken, refreshAt: Date.now() + lifetime * 0.8 };
  adopt(taken);
  channel.postMessage({ kind: 'tokens', access: taken } satisfies Message);
}

function adopt(taken: Access): void {
  access = taken;
  schedule(taken.refreshAt - Date.now());
  setState({ status: 'signedIn', offline: false, accessToken: taken.token });
}

function schedule(delay: number): void {
  clearTimeout(timer);
  timer = window.setTimeout(() => void refresh().catch(() => undefined), Math.min(Math.max(delay, 0), LONGEST_TIMER_MS));
}

/** Removes the tokens, here and in the other tabs. */
export function forget(notice: SignedOutNotice): void {
  localStorage.removeItem(STORED);
  leave(notice);
  channel.postMessage({ kind: 'signedOut', notice } satisfies Message);
}

function leave(notice: SignedOutNotice): void {
  clearTimeout(timer);
  access = undefined;
  setState({ status: 'signedOut', notice });
}

/** Ends the session on the server, and removes it here even if the server cannot be reached. */
export async function signOut(): Promise<void> {
  try {
    await withToken((token) => send(LogoutDocument, {}, token));
  } catch {
    // A session that the server could not end expires by itself.
  }
  forget('signedOut');
}

/** Gets a new access token, unless another tab has got one since `stale`. Throws if the server does not answer. */
export function refresh(stale = access?.token): Promise<void> {
  refreshing ??= exclusively(() => rotate(stale)).finally(() => (refreshing = undefined));
  return refreshing;
}

async function exclusively(task: () => Promise<void>): Promise<void> {
  // Locks exist only on https and on localhost. Elsewhere the server's grace for the previous token has to suffice.
  if (!('locks' in navigator)) return task();
  await navigator.locks.request('sms-login.refresh', task);
}

async function rotate(stale: string | undefined): Promise<void> {
  if (access && access.token !== stale) return;
  const [refreshToken, idempotencyKey] = localStorage.getItem(STORED)?.split(' ') ?? [];
  if (!refreshToken) return leave('signedOut');
  try {
    const answer = await send(RefreshSessionDocument, { input: { refreshToken, idempotencyKey } });
    accept(payloadOf(answer.refreshSession));
  } catch (error) {
    const { code } = toFailure(error);
    if (code === 'TOKEN_INVALID' || code === 'TOKEN_EXPIRED') return forget('ended');
    if (state.status !== 'signedOut') setState({ ...state, offline: true });
    schedule(RETRY_MS);
    throw error;
  }
}

/** Runs a request with a valid access token, and again with a new one if the server rejects it. */
async function withToken<T>(run: (token: string | undefined) => Promise<T>): Promise<T> {
  if (access && access.refreshAt <= Date.now()) await refresh();
  const token = access?.token;
  try {
    return await run(token);
  } catch (error) {
    if (!token || !(error instanceof ApiError) || !isTokenRefused(error.errors)) throw error;
    await refresh(token);
    return run(access?.token);
  }
}

/** `fetch` with the access token, for the GraphQL client and for the Explorer. */
export function fetchWithToken(url: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  let refused: Response | undefined;
  return withToken(async (token) => {
    const headers = new Headers(init.headers);
    if (token) headers.set('authorization', `Bearer ${token}`);
    const response = await fetch(url, { ...init, headers });
    learnTime(response);
    if (!refused && token) {
      const body = (await response.clone().json().catch(() => ({}))) as { errors?: [] };
      if (isTokenRefused(body.errors)) {
        refused = response;
        throw new ApiError(body.errors ?? []);
      }
    }
    return response;
  });
}

async function send<R, V>(document: TypedDocumentNode<R, V>, variables: V, token?: string): Promise<R> {
  const headers = new Headers({ accept: 'application/graphql-response+json', 'content-type': 'application/json' });
  if (token) headers.set('authorization', `Bearer ${token}`);
  const body = JSON.stringify({ query: print(document), variables });
  const response = await fetch(ENDPOINT, { method: 'POST', headers, body });
  learnTime(response);
  const answer = (await response.json()) as { data?: R; errors?: [] };
  if (answer.errors || !answer.data) throw new ApiError(answer.errors ?? []);
  return answer.data;
}

channel.addEventListener('message', ({ data }: MessageEvent<Message>) => {
  if (data.kind === 'tokens') adopt(data.access);
  else leave(data.notice);
});

// Timers of a hidden tab or a sleeping device are late.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && access && access.refreshAt <= Date.now()) schedule(0);
});

if (state.status === 'starting') schedule(0);
