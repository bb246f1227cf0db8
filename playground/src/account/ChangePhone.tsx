import { useEffect, useRef } from 'react';
import { mutate } from '../api/client';
import type { Failure } from '../api/failure';
import { ChangePhoneDocument } from '../api/generated/operations';
import type { ServerInfo } from '../api/server';
import { useAction } from '../hooks';
import { useLanguage } from '../i18n';
import { CHANGE_PHONE, codeStep, go, replace, useRoute } from '../route';
import { CodeForm } from '../signin/CodeForm';
import { dropKept } from '../signin/kept';
import { PhoneForm } from '../signin/PhoneForm';
import { ContinueWithCode } from '../signin/SignIn';
import { useCode } from '../signin/useCode';
import { Reauthenticate } from './Reauthenticate';

interface Props {
  server: ServerInfo;
  /** The account's current phone. */
  phone: string;
  onDone: () => void;
}

const CODE = codeStep(CHANGE_PHONE);
const isLocked = (failure: Failure | undefined) => failure?.code === 'REAUTHENTICATION_REQUIRED';

export function ChangePhone({ server, phone, onDone }: Props) {
  const { t } = useLanguage();
  const route = useRoute();
  const code = useCode('CHANGE_PHONE', () => go(CODE));
  const { sent, request } = code;
  const wanted = useRef('');
  const change = useAction(async (digits: string) => {
    if (!sent) return;
    const input = { phone: sent.phone, code: digits, challengeId: sent.answer.challengeId };
    await mutate(ChangePhoneDocument, { input });
    dropKept('CHANGE_PHONE', 'REAUTHENTICATE');
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

  const isLost = route === CODE && !sent;
  useEffect(() => {
    if (isLost) replace(CHANGE_PHONE);
  }, [isLost]);

  if (isLocked(request.failure) || isLocked(change.failure)) return <Reauthenticate phone={phone} onDone={proceed} />;
  if (sent && route === CODE) {
    return (
      <CodeForm
        code={code}
        confirm={change}
        confirmLabel={t.changePhone.heading}
        automatic
        warning={t.changePhone.warning}
        onBack={() => {
          change.clear();
          request.clear();
          go(CHANGE_PHONE);
        }}
      />
    );
  }
  return (
    <>
      <p className="muted">{t.changePhone.lead}</p>
      <PhoneForm
        server={server}
        purpose="CHANGE_PHONE"
        label={t.changePhone.number}
        autoFocus
        action={{ ...request, run: requestFor }}
      />
      <ContinueWithCode sent={sent} step={CODE} />
    </>
  );
}
