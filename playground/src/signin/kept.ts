// What a reload must not lose: the typed number and the challenge, until the tab is closed. A code is never kept.
import type { RequestCodeMutation } from '../api/generated/operations';
import type { CodeChannel, CodePurpose } from '../api/generated/schema';

export interface SentCode {
  phone: string;
  channel: CodeChannel;
  answer: Extract<RequestCodeMutation['requestCode'], { __typename: 'RequestCodePayload' }>;
  /** The inbox's messages whose codes this challenge accepts. */
  messages: { id: number; expiresAt: string }[];
  /** Whether the server said that the code cannot be used any more. */
  dead: boolean;
}

export interface TypedNumber {
  region: string | undefined;
  number: string;
}

interface Kept {
  sent?: SentCode | undefined;
  typed?: TypedNumber | undefined;
}

const PREFIX = 'sms-login.code.';

export function readKept(purpose: CodePurpose): Kept {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + purpose) ?? '{}') as Kept;
  } catch {
    return {};
  }
}

export function keep(purpose: CodePurpose, change: Kept): void {
  sessionStorage.setItem(PREFIX + purpose, JSON.stringify({ ...readKept(purpose), ...change }));
}

/** Forgets everything of these purposes. */
export function dropKept(...purposes: CodePurpose[]): void {
  for (const purpose of purposes) sessionStorage.removeItem(PREFIX + purpose);
}
