// Confirms an action with a code that the server sends to the account's own phone.
import type { CodePurpose } from '../api/generated/schema';
import { useAction, useTimeLeft } from '../hooks';
import { useLanguage } from '../i18n';
import { formatWait } from '../i18n/format';
import { FailureNote } from '../parts';
import { CodeForm } from '../signin/CodeForm';
import { useCode } from '../signin/useCode';

interface Props {
  phone: string;
  purpose: CodePurpose;
  lead: string;
  confirmLabel: string;
  /** Whether the action cannot be undone, so that the last digit alone must not start it. */
  danger: boolean;
  action: (confirmation: { code: string; challengeId: string }) => Promise<void>;
}

export function OwnPhone({ phone, purpose, lead, confirmLabel, danger, action }: Props) {
  const { t, locale } = useLanguage();
  const { sent, request } = useCode(purpose);
  const wait = useTimeLeft(request.failure?.retryAt);
  const confirm = useAction(async (code: string) => {
    if (sent) await action({ code, challengeId: sent.answer.challengeId });
  });
  if (sent) {
    return (
      <CodeForm
        sent={sent}
        confirm={confirm}
        confirmLabel={confirmLabel}
        automatic={!danger}
        resend={request}
        danger={danger}
      />
    );
  }
  return (
    <>
      <p className="muted">{lead}</p>
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
