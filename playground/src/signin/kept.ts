// What a reload must not lose, besides what the client keeps: the typed number, and which messages of the inbox belong to the
// challenge. It is kept until the tab is closed. A code is never kept.
import type { CodePurpose } from 'sms-login';
import type { TypedNumber } from 'sms-login/react';

export interface KeptMessages {
  challengeId: string;
  /** The inbox's messages whose codes the challenge accepts. Times are on this device's clock, in milliseconds. */
  messages: { id: number; expiresAt: number }[];
}

interface Kept {
  sent?: KeptMessages | undefined;
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
