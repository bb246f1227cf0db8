// Requests a code, for any purpose, and finds its message in the inbox.
import { useRef, useState } from 'react';
import type { Challenge, CodeChannel, CodePurpose } from 'sms-login';
import { type Action, useAction, useRequestCode, useSmsLogin } from 'sms-login/react';
import { showCaptcha } from '../captcha';
import { useLanguage } from '../i18n';
import { useInbox } from '../inbox/inbox';
import { messageAfter, newestId } from '../inbox/messages';
import { keep, type KeptMessages, readKept } from './kept';

export interface RequestedCode {
  challenge: Challenge | undefined;
  request: Action<[phone?: string, channel?: CodeChannel]>;
  /** The inbox's messages whose codes the challenge accepts. */
  messages: KeptMessages['messages'];
}

const NO_MESSAGES: KeptMessages['messages'] = [];

/** `onSent` runs after each code that was sent. */
export function useCode(purpose: CodePurpose, onSent?: () => void): RequestedCode {
  const { look } = useInbox();
  const { locale } = useLanguage();
  const challenge = useSmsLogin().challenges[purpose];
  const [sent, setSent] = useState(() => readKept(purpose).sent);
  const messages = sent && sent.challengeId === challenge?.challengeId ? sent.messages : NO_MESSAGES;
  // The newest message before the first attempt of a request: an attempt whose answer was lost may have sent the code.
  const before = useRef({ name: '', id: 0 });
  const requestCode = useRequestCode({ purpose, captcha: (appId) => showCaptcha(appId, locale) });

  const request = useAction(async (phone?: string, channel?: CodeChannel) => {
    const name = `${phone} ${challenge?.challengeId} ${channel}`;
    if (before.current.name !== name) before.current = { name, id: newestId(await look()) };
    const result = await requestCode(phone, channel);
    if (!result.ok) return result;

    const { challengeId, expiresAt } = result.challenge;
    const message = messageAfter(before.current.id, phone ?? '', await look());
    before.current = { name: '', id: 0 };
    // The older code may still arrive, and is then accepted too.
    const older = challenge?.phone === phone && !challenge?.isOver ? messages : [];
    const next = { challengeId, messages: [...older, ...(message ? [{ id: message.id, expiresAt }] : [])] };
    keep(purpose, { sent: next });
    setSent(next);
    return result;
  }, onSent);

  return { challenge, request, messages };
}
