import { useApolloClient } from '@apollo/client/react';
import { useRef } from 'react';
import { mutate } from '../api/client';
import { LoginDocument, MeDocument } from '../api/generated/operations';
import { useIdempotency } from '../api/idempotency';
import type { ServerInfo } from '../api/server';
import { accept, type SignedOutNotice } from '../api/session';
import { deviceName, deviceToken, keepDeviceToken } from '../device';
import { useAction } from '../hooks';
import { useLanguage } from '../i18n';
import { Note } from '../parts';
import { CodeForm } from './CodeForm';
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
  const { sent, request, restart } = useCode('LOGIN');
  const repeatable = useIdempotency();
  // The user who goes back to the number continues there.
  const wentBack = useRef(false);
  const login = useAction(async (code: string) => {
    if (!sent) return;
    const { challengeId } = sent.answer;
    const device = { deviceName: deviceName(), deviceToken: deviceToken() };
    const payload = await repeatable(`${challengeId} ${code}`, (idempotencyKey) => {
      const input = { phone: sent.phone, code, challengeId, ...device, idempotencyKey };
      return mutate(LoginDocument, { input });
    });
    keepDeviceToken(payload.deviceToken);
    client.writeQuery({ query: MeDocument, data: { me: payload.user } });
    onSignedIn(payload.isNewUser);
    accept(payload);
  });
  return (
    <section className="card card-narrow" aria-labelledby="sign-in-heading">
      {notice && !sent && <Note>{t.notices[notice]}</Note>}
      <h1 id="sign-in-heading">{sent ? t.code.heading : t.phone.heading}</h1>
      {sent ? (
        <>
          <CodeForm sent={sent} confirm={login} confirmLabel={t.code.confirm} automatic resend={request} />
          <button
            type="button"
            className="button-link"
            onClick={() => {
              wentBack.current = true;
              login.clear();
              restart();
            }}
          >
            {t.code.back}
          </button>
        </>
      ) : (
        <>
          <p className="muted">{t.phone.lead}</p>
          <PhoneForm server={server} label={t.phone.number} autoFocus={wentBack.current || !notice} action={request} />
        </>
      )}
    </section>
  );
}
