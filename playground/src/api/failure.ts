// Failures: problems, which a mutation returns as data; GraphQL errors, which any operation can have; and no answer.
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { CaptchaError } from '../captcha';
import { localTime } from './clock';
import type { LoginMutation } from './generated/operations';
import { ErrorCode, type RateLimit } from './generated/schema';

export interface Failure {
  code: ErrorCode | CaptchaError['code'] | 'NETWORK' | 'UNKNOWN';
  /** The path to the invalid value, such as `input.phone`. */
  field?: string | undefined;
  /** The limit that rejected the request. */
  limit?: RateLimit | undefined;
  attemptsRemaining?: number | undefined;
  /** The app id of the captcha that the server requires. */
  captchaAppId?: string | undefined;
  /** The earliest time of a retry, on this device's clock, in milliseconds. */
  retryAt?: number | undefined;
  requestId?: string | undefined;
}

/** A problem, with the fields that every mutation of this page selects. */
type Problem = Extract<LoginMutation['login'], { __typename: 'Problem' }>;

/** A problem that a mutation returned. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(`the mutation returned the problem ${problem.code}`);
  }
}

interface ErrorBody {
  extensions?: Record<string, unknown> | undefined;
}

/** A response of the API with GraphQL errors. */
export class ApiError extends Error {
  constructor(readonly errors: readonly ErrorBody[]) {
    super('the API answered with errors');
  }
}

function isProblem(result: { __typename: string }): result is Problem {
  return result.__typename === 'Problem';
}

/** Returns the payload of a mutation. Throws its problem. */
export function payloadOf<R extends { __typename: string }>(result: R): Exclude<R, Problem> {
  if (isProblem(result)) throw new ProblemError(result);
  return result as Exclude<R, Problem>;
}

/** Returns whether the server rejected the access token, so that a new one may help. */
export function isTokenRefused(errors: readonly ErrorBody[] | undefined): boolean {
  return errors?.some(({ extensions }) => ['TOKEN_EXPIRED', 'TOKEN_INVALID'].includes(String(extensions?.code))) ?? false;
}

/** Converts anything that was thrown. */
export function toFailure(error: unknown): Failure {
  if (error instanceof ProblemError) return readProblem(error.problem);
  if (error instanceof CaptchaError) return { code: error.code };
  if (error instanceof ApiError || CombinedGraphQLErrors.is(error)) return readError(error.errors[0]);
  return { code: 'NETWORK' };
}

function readProblem(problem: Problem): Failure {
  const { retryAt, retryAfterSeconds } = problem;
  return {
    code: problem.code,
    field: problem.field ?? undefined,
    limit: problem.limit ?? undefined,
    attemptsRemaining: problem.attemptsRemaining ?? undefined,
    captchaAppId: problem.captchaAppId ?? undefined,
    retryAt: retryAt === null ? afterSeconds(retryAfterSeconds) : localTime(retryAt),
    requestId: problem.requestId ?? undefined,
  };
}

/** Reads a GraphQL error. Its extensions have no types, because the schema does not describe them. */
function readError(error: ErrorBody | undefined): Failure {
  const { code, retryAfterSeconds, requestId } = error?.extensions ?? {};
  return {
    code: Object.values(ErrorCode).find((known) => known === code) ?? 'UNKNOWN',
    retryAt: afterSeconds(retryAfterSeconds),
    requestId: typeof requestId === 'string' ? requestId : undefined,
  };
}

function afterSeconds(seconds: unknown): number | undefined {
  return typeof seconds === 'number' ? Date.now() + seconds * 1000 : undefined;
}
