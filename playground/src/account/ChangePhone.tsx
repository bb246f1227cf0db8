import { mutate } from '../api/client';
import { ChangePhoneDocument } from '../api/generated/operations';
import type { ServerInfo } from '../api/server';
import { useAction } from '../hooks';
import { useLanguage } from '../i18n';
import { CodeForm } from '../signin/CodeForm';
import { PhoneForm } from '../signin/PhoneForm';
import { useCode } from '../signin/useCode';

export function ChangePhone({ server, onDone }: { server: ServerInfo; onDone: () => void }) {
  const { t } = useLanguage();
  const { sent, request } = useCode('CHANGE_PHONE');
  const change = useAction(async (code: string) => {
    if (!sent) return;
    const input = { phone: sent.phone, code, challengeId: sent.answer.challengeId };
    await mutate(ChangePhoneDocument, { input });
    onDone();
  });
  if (sent) {
    return (
      <CodeForm sent={sent} confirm={change} confirmLabel={t.changePhone.heading} automatic resend={request} />
    );
  }
  return (
    <>
      <p className="muted">{t.changePhone.lead}</p>
      <PhoneForm server={server} label={t.changePhone.number} autoFocus action={request} />
    </>
  );
}
