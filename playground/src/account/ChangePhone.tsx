import { useRef } from 'react';
import { mutate } from '../api/client';
import type { Failure } from '../api/failure';
import { ChangePhoneDocument } from '../api/generated/operations';
import type { ServerInfo } from '../api/server';
import { useAction } from '../hooks';
import { useLanguage } from '../i18n';
import { CodeForm } from '../signin/CodeForm';
import { PhoneForm } from '../signin/PhoneForm';
import { useCode } from '../signin/useCode';
import { Reauthenticate } from './Reauthenticate';

interface Props {
  server: ServerInfo;
  /** The account's current phone. */
  phone: string;
  onDone: () => void;
}

const isLocked = (failure: Failure | undefined) => failure?.code === 'REAUTHENTICATION_REQUIRED';

export function ChangePhone({ server, phone, onDone }: Props) {
  const { t } = useLanguage();
  const { sent, request } = useCode('CHANGE_PHONE');
  const wanted = useRef('');
  const change = useAction(async (code: string) => {
    if (!sent) return;
    const input = { phone: sent.phone, code, challengeId: sent.answer.challengeId };
    await mutate(ChangePhoneDocument, { input });
    onDone();
  });
  const requestFor = (next: string) => {
    wanted.current = next;
    return request.run(next);
  };
  const proceed = () => {
    change.clear();
    // A code that the new phone already has can be used now.
    if (!sent || isLocked(request.failure)) void request.run(wanted.current);
  };
  if (isLocked(request.failure) || isLocked(change.failure)) return <Reauthenticate phone={phone} onDone={proceed} />;
  if (sent) {
    return (
      <CodeForm sent={sent} confirm={change} confirmLabel={t.changePhone.heading} automatic resend={request} />
    );
  }
  return (
    <>
      <p className="muted">{t.changePhone.lead}</p>
      <PhoneForm
        server={server}
        label={t.changePhone.number}
        autoFocus
        action={{ ...request, run: requestFor }}
      />
    </>
  );
}
