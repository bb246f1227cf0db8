import { useEffect } from 'react';
import type { Challenge, SignedOutReason } from 'sms-login';
import { formatPhone, useAction, useSmsLogin, useTimeLeft } from 'sms-login/react';
import { useLanguage } from '../i18n';
import { Heading, Note, useIsFirstView } from '../parts';
import { CODE, go, isPanel, replace, START, useRoute } from '../route';
import type { ServerInfo } from '../server';
import { CodeForm } from './CodeForm';
import { dropKept } from './kept';
import { PhoneForm } from './PhoneForm';
import { useCode } from './useCode';

interface Props {
  server: ServerInfo;
  notice: SignedOutReason | undefined;
  onSignedIn: (isNewUser: boolean) => void;
}

export function SignIn({ server, notice, onSignedIn }: Props) {
  const { t, sms } = useLanguage();
  const { client } = useSmsLogin();
  const route = useRoute();
  const isFirst = useIsFirstView();
  const code = useCode('LOGIN', () => go(CODE));
  const { challenge, request } = code;
  const login = useAction(
    (digits: string) => client.login({ code: digits }),
    ({ isNewUser }) => {
      dropKept('LOGIN');
      onSignedIn(isNewUser);
      replace(START);
    },
  );

  // What was typed for the account's own actions is worthless without its session.
  useEffect(() => dropKept('REAUTHENTICATE', 'CHANGE_PHONE', 'DELETE_ACCOUNT'), []);
  const isLost = route === CODE ? !challenge : isPanel(route);
  useEffect(() => {
    if (isLost) replace(START);
  }, [isLost]);

  const atCode = route === CODE && !!challenge;
  // Back leaves the step without its button.
  const { clear } = login;
  const clearRequest = request.clear;
  useEffect(() => {
    clear();
    clearRequest();
  }, [atCode, clear, clearRequest]);

  return (
    <section className="card card-narrow" aria-labelledby="sign-in-heading">
      {notice && !atCode && <Note>{t.notices[notice]}</Note>}
      <Heading key={String(atCode)} id="sign-in-heading">
        {atCode ? t.code.heading : t.phone.heading}
      </Heading>
      {atCode ? (
        <CodeForm code={code} challenge={challenge} confirm={login} onBack={() => go(START)} />
      ) : (
        <>
          <p className="muted">{t.phone.lead}</p>
          <PhoneForm
            server={server}
            purpose="LOGIN"
            label={sms.number}
            autoFocus={isFirst && !notice}
            request={request}
          />
          <ContinueWithCode challenge={challenge} step={CODE} />
        </>
      )}
    </section>
  );
}

/** A way back to the code that was sent before, while it can be used. */
export function ContinueWithCode({ challenge, step }: { challenge: Challenge | undefined; step: string }) {
  const { sms } = useLanguage();
  const left = useTimeLeft(challenge?.expiresAt);
  if (!challenge || challenge.isOver || left === 0) return null;
  return (
    <button type="button" className="button-link" onClick={() => go(step)}>
      {sms.forward(formatPhone(challenge.phone ?? ''))}
    </button>
  );
}
