// Failures as sentences for users.
import type { Failure } from '../api/failure';
import type { RateLimit } from '../api/generated/schema';
import type { Messages } from './en';

/** Says what failed. `regions` are the names of the regions that receive codes; undefined for all. */
export function explain(failure: Failure, { errors }: Messages, regions?: string): string {
  const { code } = failure;
  switch (code) {
    case 'BAD_INPUT':
      return explainField(failure.field, errors);
    case 'INVALID_PHONE':
      return errors.invalidPhone;
    case 'SMS_SEND_FAILED':
      return errors.smsSendFailed;
    case 'TOKEN_INVALID':
      return errors.tokenInvalid;
    case 'TOKEN_EXPIRED':
      return errors.tokenExpired;
    case 'UNAUTHENTICATED':
      return errors.unauthenticated;
    case 'REAUTHENTICATION_REQUIRED':
      return errors.reauthenticationRequired;
    case 'CODE_EXPIRED':
      return errors.codeExpired;
    case 'CODE_INCORRECT':
      return errors.codeIncorrect(failure.attemptsRemaining);
    case 'CHALLENGE_MISMATCH':
      return errors.challengeMismatch;
    case 'SIGNUP_FAILED':
      return errors.signupFailed;
    case 'PHONE_TAKEN':
      return errors.phoneTaken;
    case 'ACCOUNT_DISABLED':
      return errors.accountDisabled;
    case 'RATE_LIMITED':
      return explainLimit(failure.limit, errors);
    case 'CAPTCHA_REQUIRED':
      return errors.captchaRequired;
    case 'CAPTCHA_FAILED':
      return errors.captchaFailed;
    case 'CAPTCHA_CLOSED':
      return errors.captchaClosed;
    case 'CAPTCHA_UNAVAILABLE':
      return errors.captchaUnavailable;
    case 'REGION_NOT_ALLOWED':
      return errors.regionNotAllowed(regions);
    case 'NUMBER_BLOCKED':
      return errors.numberBlocked;
    case 'QUERY_TOO_COMPLEX':
      return errors.queryTooComplex;
    case 'UNAVAILABLE':
      return errors.unavailable;
    case 'INTERNAL':
    case 'UNKNOWN':
      return errors.internal;
    case 'NETWORK':
      return errors.network;
    default:
      // If the schema gains a code, this line does not compile.
      return code satisfies never;
  }
}

function explainField(field: string | undefined, errors: Messages['errors']): string {
  switch (field) {
    case 'input.code':
      return errors.badCode;
    case 'input.phone':
      return errors.invalidPhone;
    case 'input.name':
      return errors.badName;
    case 'input.avatar':
      return errors.badAvatar;
    default:
      return errors.badInput;
  }
}

function explainLimit(limit: RateLimit | undefined, errors: Messages['errors']): string {
  switch (limit) {
    case 'COOLDOWN':
      return errors.cooldown;
    case 'PHONE_DAILY':
      return errors.phoneDaily;
    case 'FAILED_ATTEMPTS':
      return errors.failedAttempts;
    case 'IP_HOURLY':
    case 'IP_DAILY':
    case 'IP_ATTEMPTS':
    case 'TOTAL_DAILY':
    case 'SPEND_DAILY':
    case 'GUARD':
    case 'PROVIDER':
    case undefined:
      return errors.rateLimited;
    default:
      // If the schema gains a limit, this line does not compile.
      return limit satisfies never;
  }
}
