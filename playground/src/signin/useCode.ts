// Requests a code, for any purpose.
import { useState } from 'react';
import { mutate } from '../api/client';
import { RequestCodeDocument } from '../api/generated/operations';
import type { CodeChannel, CodePurpose } from '../api/generated/schema';
import { useIdempotency } from '../api/idempotency';
import { deviceToken } from '../device';
import { type Action, useAction } from '../hooks';
import { useInbox } from '../inbox/inbox';
import type { SentCode } from './CodeForm';

interface RequestedCode {
  sent: SentCode | undefined;
  request: Action<[phone: string, channel?: CodeChannel]>;
  restart: () => void;
}

export function useCode(purpose: CodePurpose): RequestedCode {
  const { look } = useInbox();
  const repeatable = useIdempotency();
  const [sent, setSent] = useState<SentCode>();
  const request = useAction(async (phone: string, channel: CodeChannel = 'SMS') => {
    // The older code may still arrive, and is then accepted too.
    const resendOf = sent?.phone === phone ? sent.answer.challengeId : undefined;
    const answer = await repeatable(`${phone} ${resendOf} ${channel}`, (idempotencyKey) => {
      const input = { phone, purpose, channel, resendOf, deviceToken: deviceToken(), idempotencyKey };
      return mutate(RequestCodeDocument, { input });
    });
    setSent({ phone, channel, answer });
    look();
  });
  const restart = () => {
    setSent(undefined);
    request.clear();
  };
  return { sent, request, restart };
}
