// The Explorer's texts. They are kept in memory while the user is in another view.
import type { CodePurpose } from 'sms-login';
import { client, refreshToken } from '../client';
import { type Carried, withValues } from './carry';
import { OPERATIONS } from './operations';

export interface Challenge {
  operation: string;
  /** The ids of the inbox's messages with a code for it. */
  messages: number[];
  expiresAt: string;
}

export interface Texts {
  active: string;
  queries: Record<string, string>;
  variables: Record<string, string>;
  headers: string;
  response: string;
  /** The latest challenge of each operation. */
  challenges: Challenge[];
}

const listeners = new Set<() => void>();
/** Tokens that this page put into the headers: it may replace only them. */
const given = new Set<string>();
/** Whether the token in the headers is from an operation of the Explorer, not from the account view. */
let signedInHere = false;

function printed(value: unknown): string {
  return value === undefined ? '' : JSON.stringify(value, null, 2);
}

let texts: Texts = {
  active: 'RequestCode',
  queries: Object.fromEntries(OPERATIONS.map(({ name, query }) => [name, query])),
  variables: Object.fromEntries(OPERATIONS.map(({ name, variables }) => [name, printed(variables)])),
  headers: '',
  response: '',
  challenges: [],
};

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function getTexts(): Texts {
  return texts;
}

export function change(next: Partial<Texts>): void {
  texts = { ...texts, ...next };
  for (const listener of listeners) listener();
}

export function setQuery(text: string): void {
  change({ queries: { ...texts.queries, [texts.active]: text } });
}

export function setVariables(text: string): void {
  change({ variables: { ...texts.variables, [texts.active]: text } });
}

/** Sets values in an operation's variables. */
export function fill(operation: string, values: Record<string, unknown>): void {
  const text = withValues(texts.variables[operation] ?? '', values);
  change({ variables: { ...texts.variables, [operation]: text } });
}

/** Opens the operation that requests the code for another one. */
export function requestCodeFor(purpose: CodePurpose): void {
  fill('RequestCode', { 'input.purpose': purpose });
  change({ active: 'RequestCode' });
}

/** Copies what a response carries into the other operations. */
export function apply(carried: Carried, messages: number[]): void {
  for (const [operation, values] of Object.entries(carried.values)) fill(operation, values);
  if (carried.challenge) {
    const { operation, expiresAt } = carried.challenge;
    const others = texts.challenges.filter((challenge) => challenge.operation !== operation);
    change({ challenges: [...others, { operation, expiresAt, messages }] });
  }
  if (carried.usedUp) change({ challenges: texts.challenges.filter(({ operation }) => operation !== carried.usedUp) });
  if (carried.accessToken !== undefined) {
    // A token of the account view's session is one of its tokens.
    signedInHere = carried.accessToken !== null && carried.accessToken !== client.state.accessToken;
    setToken(carried.accessToken ?? client.state.accessToken);
  }
}

/** Returns whether a text contains a token that this page put there. */
export function isGiven(text: string): boolean {
  return [...given].some((token) => text.includes(token));
}

/** Returns whether requests with this header use the session of the account view, which renews its tokens. */
export function isPageToken(text: string): boolean {
  return !signedInHere && isGiven(text);
}

function setToken(token: string | undefined): void {
  if (texts.headers.trim() !== '' && !isGiven(texts.headers)) return;
  if (token) given.add(token);
  change({ headers: token ? printed({ Authorization: `Bearer ${token}` }) : '' });
}

/** Puts the tokens of the account view into the headers and variables, unless an operation has signed in only here. */
export function followPage(): void {
  if (signedInHere) return;
  setToken(client.state.accessToken);
  const token = refreshToken();
  // A refresh token works once, so an older one would end the session.
  if (token) fill('RefreshSession', { 'input.refreshToken': token });
}
