import { useApolloClient } from '@apollo/client/react';
import { useEffect } from 'react';
import { mutate } from '../api/client';
import { localTime } from '../api/clock';
import { LoginDocument, MeDocument } from '../api/generated/operations';
import { useIdempotency } from '../api/idempotency';
import type { ServerInfo } from '../api/server';
import { accept, type SignedOutNotice } from '../api/session';
import { deviceName, deviceToken, keepDeviceToken } from '../device';
import { useAction, useTimeLeft } from '../hooks';
import { useLanguage } from '../i18n';
import { Heading, Note, useIsFirstView } from '../parts';
import { readable } from '../regions';
import { CODE, go, isPanel, replace, START, useRoute } from '../route';
import { CodeForm } from './CodeForm';
import { dropKept, type SentCode } from './kept';
import { PhoneForm } from './PhoneForm';
import { useCode } from './useCode';

interface Props {
  server: ServerInfo;
  notice: SignedOutNotice | undefined;
  onSignedIn: (isNewUser: boolean) => void;
}

export function SignIn({ server, notice, onSignedIn }: Props) {
  const { t } = useLanguage();
  const client = useApolloClient();
  const route = useRoute();
  const isFirst = useIsFirstView();
  const code = useCode('LOGIN', () => go(CODE));
  const { sent, request } = code;
  const repeatable = useIdempotency();
  const login = useAction(async (digits: string) => {
    if (!sent) return;
    const { challengeId } = sent.answer;
    const device = { deviceName: deviceName(), deviceToken: deviceToken() };
    const payload = await repeatable(`${challengeId} ${digits}`, (idempotencyKey) => {
      const input = { phone: sent.phone, code: digits, challengeId, ...device, idempotencyKey };
      return mutate(LoginDocument, { input });
    });
    keepDeviceToken(payload.deviceToken);
    dropKept('LOGIN');
    client.writeQuery({ query: MeDocument, data: { me: payload.user } });
    onSignedIn(payload.isNewUser);
    accept(payload);
    replace(START);
  });

  // Challenges of the account's own actions are worthless without its session.
  useEffect(() => dropKept('REAUTHENTICATE', 'CHANGE_PHONE', 'DELETE_ACCOUNT'), []);
  const isLost = route === CODE ? !sent : isPanel(route);
  useEffect(() => {
    if (isLost) replace(START);
  }, [isLost]);

  const atCode = route === CODE && !!sent;
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
        <CodeForm code={code} confirm={login} confirmLabel={t.code.confirm} automatic onBack={() => go(START)} />
      ) : (
        <>
          <p className="muted">{t.phone.lead}</p>
          <PhoneForm
            server={server}
            purpose="LOGIN"
            label={t.phone.number}
            autoFocus={isFirst && !notice}
            action={request}
          />
          <ContinueWithCode sent={sent} step={CODE} />
        </>
      )}
    </section>
  );
}

/** A way back to the code that was sent before, while it can be used. */
export function ContinueWithCode({ sent, step }: { sent: SentCode | undefined; step: string }) {
  const { t } = useLanguage();
  const left = useTimeLeft(sent && localTime(sent.answer.expiresAt));
  if (!sent || sent.dead || left === 0) return null;
  return (
    <button type="button" className="button-link" onClick={() => go(step)}>
      {t.code.forward(readable(sent.phone))}
    </button>
  );
}
