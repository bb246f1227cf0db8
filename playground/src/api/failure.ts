// Failures: the errors of the API by their code, or no answer at all.
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { localTime } from './clock';
import type { ErrorCode } from './generated/schema';

export interface Failure {
  code: ErrorCode | 'NETWORK' | 'UNKNOWN';
  /** The path to the invalid value, such as `input.phone`. */
  field?: string | undefined;
  /** The limit that rejected the request. */
  limit?: string | undefined;
  attemptsRemaining?: number | undefined;
  /** The earliest time of a retry, on this device's clock, in milliseconds. */
  retryAt?: number | undefined;
  requestId?: string | undefined;
}

interface ErrorBody {
  extensions?: Record<string, unknown> | undefined;
}

/** A response of the API with errors. */
export class ApiError extends Error {
  constructor(readonly errors: readonly ErrorBody[]) {
    super('the API answered with errors');
  }
}

const KNOWN: Record<ErrorCode, true> = {
  BAD_INPUT: true,
  INVALID_PHONE: true,
  SMS_SEND_FAILED: true,
  TOKEN_INVALID: true,
  TOKEN_EXPIRED: true,
  UNAUTHENTICATED: true,
  CODE_EXPIRED: true,
  CODE_INCORRECT: true,
  SESSION_MISMATCH: true,
  SIGNUP_FAILED: true,
  PHONE_TAKEN: true,
  RATE_LIMITED: true,
  CAPTCHA_REQUIRED: true,
  CAPTCHA_FAILED: true,
  REGION_NOT_ALLOWED: true,
  NUMBER_BLOCKED: true,
  QUERY_TOO_COMPLEX: true,
  UNAVAILABLE: true,
  INTERNAL: true,
};

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(KNOWN, code);
}

/** Returns whether the server rejected the token, so that a new one may help. */
export function isTokenRefused(errors: readonly ErrorBody[] | undefined): boolean {
  return errors?.some(({ extensions }) => ['TOKEN_EXPIRED', 'TOKEN_INVALID'].includes(String(extensions?.code))) ?? false;
}

/** Converts anything that was thrown. */
export function toFailure(error: unknown): Failure {
  if (error instanceof ApiError || CombinedGraphQLErrors.is(error)) {
    return readExtensions(error.errors[0]?.extensions ?? {});
  }
  return { code: 'NETWORK' };
}

function readExtensions(extensions: Record<string, unknown>): Failure {
  const text = (name: string) => (typeof extensions[name] === 'string' ? extensions[name] : undefined);
  const number = (name: string) => (typeof extensions[name] === 'number' ? extensions[name] : undefined);
  const retryAt = text('retryAt');
  const seconds = number('retryAfterSeconds');
  return {
    code: isErrorCode(extensions.code) ? extensions.code : 'UNKNOWN',
    field: text('field'),
    limit: text('limit'),
    attemptsRemaining: number('attemptsRemaining'),
    retryAt: retryAt ? localTime(retryAt) : seconds === undefined ? undefined : Date.now() + seconds * 1000,
    requestId: text('requestId'),
  };
}
