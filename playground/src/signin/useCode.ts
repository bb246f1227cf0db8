// Requests a code, for any purpose. The challenge survives a reload.
import { useRef, useState } from 'react';
import { mutate } from '../api/client';
import { toFailure } from '../api/failure';
import { RequestCodeDocument } from '../api/generated/operations';
import type { CodeChannel, CodePurpose } from '../api/generated/schema';
import { useIdempotency } from '../api/idempotency';
import { type CaptchaResult, solveCaptcha } from '../captcha';
import { deviceToken } from '../device';
import { type Action, useAction } from '../hooks';
import { useLanguage } from '../i18n';
import { useInbox } from '../inbox/inbox';
import { messageAfter, newestId } from '../inbox/messages';
import { keep, readKept, type SentCode } from './kept';

export interface RequestedCode {
  sent: SentCode | undefined;
  request: Action<[phone: string, channel?: CodeChannel]>;
  /** Remembers that the code cannot be used any more. */
  markDead: () => void;
}

/** `onSent` runs after each code that was sent. */
export function useCode(purpose: CodePurpose, onSent?: () => void): RequestedCode {
  const { look } = useInbox();
  const { locale } = useLanguage();
  const repeatable = useIdempotency();
  const [sent, setSent] = useState(() => readKept(purpose).sent);
  // The newest message before the first attempt of a request: an attempt whose answer was lost may have sent the code.
  const before = useRef({ name: '', id: 0 });
  // A captcha whose request got no answer is sent again, with the same key.
  const solved = useRef<{ name: string; captcha: CaptchaResult }>(undefined);

  const change = (next: SentCode) => {
    keep(purpose, { sent: next });
    setSent(next);
  };

  const request = useAction(async (phone: string, channel: CodeChannel = 'SMS') => {
    // The older code may still arrive, and is then accepted too.
    const replaced = sent?.phone === phone && !sent.dead ? sent : undefined;
    const resendOf = replaced?.answer.challengeId;
    const name = `${phone} ${resendOf} ${channel}`;
    if (before.current.name !== name) before.current = { name, id: newestId(await look()) };

    const ask = (captcha?: CaptchaResult) =>
      repeatable(`${name} ${captcha?.ticket}`, (idempotencyKey) => {
        const input = { phone, purpose, channel, resendOf, captcha, deviceToken: deviceToken(), idempotencyKey };
        return mutate(RequestCodeDocument, { input });
      });
    const earlier = solved.current?.name === name ? solved.current.captcha : undefined;
    const answer = await ask(earlier).catch(async (error: unknown) => {
      const { code, captchaAppId } = toFailure(error);
      if ((code !== 'CAPTCHA_REQUIRED' && code !== 'CAPTCHA_FAILED') || !captchaAppId) throw error;
      solved.current = undefined;
      const captcha = await solveCaptcha(captchaAppId, locale);
      solved.current = { name, captcha };
      return ask(captcha);
    });
    solved.current = undefined;

    const message = messageAfter(before.current.id, phone, await look());
    before.current = { name: '', id: 0 };
    const messages = message ? [{ id: message.id, expiresAt: answer.expiresAt }] : [];
    change({ phone, channel, answer, messages: [...(replaced?.messages ?? []), ...messages], dead: false });
    onSent?.();
  });

  return {
    sent,
    request,
    markDead: () => sent && !sent.dead && change({ ...sent, dead: true }),
  };
}
