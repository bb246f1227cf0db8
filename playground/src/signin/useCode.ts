// Requests a code, for any purpose.
import { useApolloClient } from '@apollo/client/react';
import { useState } from 'react';
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
  const client = useApolloClient();
  const { look } = useInbox();
  const [sent, setSent] = useState<SentCode>();
  const request = useAction(async (phone: string) => {
    const variables = { input: { phone, purpose } };
    const { data } = await client.mutate({ mutation: RequestCodeDocument, variables });
    if (data) setSent({ phone, answer: data.requestCode });
    look();
  });
  const restart = () => {
    setSent(undefined);
    request.clear();
  };
  return { sent, request, restart };
}
