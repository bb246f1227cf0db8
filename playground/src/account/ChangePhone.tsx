import { useEffect, useRef } from 'react';
import type { Problem } from 'sms-login';
import { useAction, useSmsLogin } from 'sms-login/react';
import { useLanguage } from '../i18n';
import { CHANGE_PHONE, codeStep, go, replace, useRoute } from '../route';
import type { ServerInfo } from '../server';
import { CodeForm } from '../signin/CodeForm';
import { dropKept } from '../signin/kept';
import { PhoneForm } from '../signin/PhoneForm';
import { ContinueWithCode } from '../signin/SignIn';
import { useCode } from '../signin/useCode';
import { OwnPhone } from './OwnPhone';

interface Props {
  server: ServerInfo;
  /** The account's current phone. */
  phone: string;
  onDone: () => void;
}

const CODE = codeStep(CHANGE_PHONE);
const isLocked = (problem: Problem | undefined) => problem?.code === 'REAUTHENTICATION_REQUIRED';

export function ChangePhone({ server, phone, onDone }: Props) {
  const { t } = useLanguage();
  const { client } = useSmsLogin();
  const route = useRoute();
  const code = useCode('CHANGE_PHONE', () => go(CODE));
  const { challenge, request } = code;
  const wanted = useRef<string>(undefined);
  const change = useAction(
    (digits: string) => client.changePhone({ code: digits }),
    () => {
      dropKept('CHANGE_PHONE');
      onDone();
    },
  );
  const requestFor = (next?: string) => {
    wanted.current = next;
    return request.run(next);
  };
  const proceed = () => {
    change.clear();
    // A code that the new phone already has can be used now.
    if (!challenge || isLocked(request.problem)) void request.run(wanted.current);
  };

  const isLost = route === CODE && !challenge;
  useEffect(() => {
    if (isLost) replace(CHANGE_PHONE);
  }, [isLost]);

  // The user of the session first confirms the account's phone.
  if (isLocked(request.problem) || isLocked(change.problem)) {
    return <OwnPhone phone={phone} purpose="REAUTHENTICATE" lead={t.reauthenticate.lead} confirm={client.reauthenticate} onDone={proceed} />;
  }
  if (challenge && route === CODE) {
    return (
      <CodeForm
        code={code}
        challenge={challenge}
        confirm={change}
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
        request={{ ...request, run: requestFor }}
      />
      <ContinueWithCode challenge={challenge} step={CODE} />
    </>
  );
}
