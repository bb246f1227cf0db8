import { mutate } from '../api/client';
import { DeleteAccountDocument } from '../api/generated/operations';
import { forget } from '../api/session';
import { useAction, useTimeLeft } from '../hooks';
import { useLanguage } from '../i18n';
import { formatWait } from '../i18n/format';
import { FailureNote } from '../parts';
import { readable } from '../regions';
import { CodeForm } from '../signin/CodeForm';
import { useCode } from '../signin/useCode';

export function DeleteAccount({ phone }: { phone: string }) {
  const { t, locale } = useLanguage();
  const { sent, request } = useCode('DELETE_ACCOUNT');
  const wait = useTimeLeft(request.failure?.retryAt);
  const remove = useAction(async (code: string) => {
    if (!sent) return;
    const input = { code, challengeId: sent.answer.challengeId };
    await mutate(DeleteAccountDocument, { input });
    forget('deleted');
  });
  if (sent) {
    return (
      <CodeForm
        sent={sent}
        confirm={remove}
        confirmLabel={t.deleteAccount.confirm}
        automatic={false}
        resend={request}
        danger
      />
    );
  }
  return (
    <>
      <p className="muted">{t.deleteAccount.lead(readable(phone))}</p>
      <FailureNote failure={request.failure} />
      <button
        type="button"
        className="button-main"
        aria-disabled={request.busy || wait > 0}
        data-busy={request.busy}
        onClick={() => wait === 0 && void request.run(phone)}
      >
        {wait > 0 ? t.phone.sendIn(formatWait(wait, locale)) : t.phone.send}
      </button>
    </>
  );
}
