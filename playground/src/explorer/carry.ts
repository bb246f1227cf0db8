// What one operation's response carries on to the variables and headers of the others.
import type { CodePurpose, TokenPayload } from 'sms-login';
import { OPERATIONS } from './operations';

/** The texts of variables, by the name of the operation. */
export type Variables = Record<string, string>;

export interface Carried {
  /** Values for variables, by the name of the operation and then by their path, such as `input.code`. */
  values: Record<string, Record<string, unknown>>;
  /** The new access token; null if the session has ended, undefined if nothing changes. */
  accessToken?: string | null;
  /** The session that was created, if its payload has what the account view needs. */
  session?: TokenPayload;
  /** The tokens that replace a refresh token. */
  rotated?: { used: unknown; tokens: Omit<TokenPayload, 'user'> };
  /** The challenge that was issued. */
  challenge?: { operation: string; phone: string | undefined; expiresAt: string };
  /** The operation whose code cannot be used any more. */
  usedUp?: string;
}

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const hasTexts = (fields: Fields, ...names: string[]) => names.every((name) => textOf(fields[name]));
const textOf = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);

/** Returns the name of the operation that uses a code of this purpose. */
export function operationFor(purpose: CodePurpose): string {
  return OPERATIONS.find((operation) => operation.purpose === purpose)?.name ?? 'Login';
}

/** Reads a response, with the variables of its request. */
export function carryOn(response: unknown, variables: unknown): Carried {
  const carried: Carried = { values: {} };
  const data = isFields(response) && isFields(response['data']) ? response['data'] : {};
  for (const [field, payload] of Object.entries(data)) {
    if (isFields(payload)) readPayload(field, payload, inputOf(variables), carried);
  }
  return carried;
}

function inputOf(variables: unknown): Fields {
  return isFields(variables) && isFields(variables['input']) ? variables['input'] : {};
}

function readPayload(field: string, payload: Fields, input: Fields, carried: Carried): void {
  const give = (operation: string, path: string, value: unknown) => {
    if (textOf(value)) carried.values[operation] = { ...carried.values[operation], [path]: value };
  };

  if (field === 'requestCode' && textOf(payload['challengeId'])) {
    const operation = operationFor((input['purpose'] ?? 'LOGIN') as CodePurpose);
    const phone = textOf(input['phone']);
    carried.challenge = { operation, phone, expiresAt: String(payload['expiresAt'] ?? '') };
    carried.values[operation] = { 'input.code': '' };
    give(operation, 'input.challengeId', payload['challengeId']);
    if (OPERATIONS.some(({ name, variables }) => name === operation && 'phone' in inputOf(variables))) {
      give(operation, 'input.phone', phone);
    }
    for (const name of ['CodeDelivery', 'DeliveryChanges']) give(name, 'challengeId', payload['challengeId']);
  }

  const confirmed = OPERATIONS.find(({ name, purpose }) => purpose && name.toLowerCase() === field.toLowerCase());
  const isOver = !payload['code'] || payload['code'] === 'CODE_EXPIRED' || payload['attemptsRemaining'] === 0;
  if (confirmed && isOver) carried.usedUp = confirmed.name;

  if (textOf(payload['accessToken'])) carried.accessToken = payload['accessToken'] as string;
  if (hasTexts(payload, 'accessToken', 'accessTokenExpiresAt', 'refreshToken')) {
    const { user } = payload;
    if (isFields(user) && hasTexts(user, 'id', 'createdAt', 'lastLoginAt')) carried.session = payload as unknown as TokenPayload;
    else if (field === 'refreshSession') carried.rotated = { used: input['refreshToken'], tokens: payload as unknown as TokenPayload };
  }
  give('RefreshSession', 'input.refreshToken', payload['refreshToken']);
  give('RequestCode', 'input.deviceToken', payload['deviceToken']);
  if (isFields(payload['user'])) give('User', 'id', payload['user']['id']);

  const ended = field === 'logout' ? payload['endedSessions'] !== undefined && !input['sessionIds'] : textOf(payload['deletedUserId']);
  if (ended) carried.accessToken = null;
}

/** Returns the text of variables with these values. A text that is not JSON stays as it is. */
export function withValues(text: string, values: Record<string, unknown>): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.trim() || '{}');
  } catch {
    return text;
  }
  if (!isFields(parsed)) return text;
  for (const [path, value] of Object.entries(values)) setAt(parsed, path.split('.'), value);
  return JSON.stringify(parsed, null, 2);
}

function setAt(target: Fields, [first = '', ...rest]: string[], value: unknown): void {
  if (rest.length === 0) {
    target[first] = value;
    return;
  }
  const inner = isFields(target[first]) ? target[first] : {};
  target[first] = inner;
  setAt(inner, rest, value);
}
