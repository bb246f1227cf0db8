// Requests a code, for any purpose.
import { useState } from 'react';
import { mutate } from '../api/client';
import { RequestCodeDocument } from '../api/generated/operations';
import type { CodePurpose } from '../api/generated/schema';
import { type Action, useAction } from '../hooks';
import { useInbox } from '../inbox/inbox';
import type { SentCode } from './CodeForm';

interface RequestedCode {
  sent: SentCode | undefined;
  request: Action<[phone: string]>;
  restart: () => void;
}

export function useCode(purpose: CodePurpose): RequestedCode {
  const { look } = useInbox();
  const [sent, setSent] = useState<SentCode>();
  const request = useAction(async (phone: string) => {
    const answer = await mutate(RequestCodeDocument, { input: { phone, purpose } });
    setSent({ phone, answer });
    look();
  });
  const restart = () => {
    setSent(undefined);
    request.clear();
  };
  return { sent, request, restart };
}
