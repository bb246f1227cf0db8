// Confirms an action with a code that the server sends to the account's own phone.
import { useEffect } from 'react';
import type { CodePurpose } from '../api/generated/schema';
import { useAction, useTimeLeft } from '../hooks';
import { useLanguage } from '../i18n';
import { formatWait } from '../i18n/format';
import { FailureNote } from '../parts';
import { codeStep, go, replace, useRoute } from '../route';
import { CodeForm } from '../signin/CodeForm';
import { dropKept } from '../signin/kept';
import { ContinueWithCode } from '../signin/SignIn';
import { useCode } from '../signin/useCode';

interface Props {
  phone: string;
  purpose: CodePurpose;
  /** The panel whose address tells the step. Without one, the step with the code opens when a code was sent. */
  panel?: string;
  lead: string;
  /** What the action does besides. It is shown at the button. */
  warning?: string;
  confirmLabel: string;
  /** Whether the action cannot be undone, so that the last digit alone must not start it. */
  danger: boolean;
  action: (confirmation: { code: string; challengeId: string }) => Promise<void>;
}

export function OwnPhone({ phone, purpose, panel, lead, warning, confirmLabel, danger, action }: Props) {
  const { t, locale } = useLanguage();
  const route = useRoute();
  const step = panel && codeStep(panel);
  const code = useCode(purpose, () => step && go(step));
  const { sent, request } = code;
  const wait = useTimeLeft(request.failure?.retryAt);
  const confirm = useAction(async (digits: string) => {
    if (!sent) return;
    await action({ code: digits, challengeId: sent.answer.challengeId });
    dropKept(purpose);
  });

  const isLost = step !== undefined && route === step && !sent;
  useEffect(() => {
    if (isLost && panel) replace(panel);
  }, [isLost, panel]);

  const atCode = step === undefined || route === step;
  if (sent && atCode) {
    return (
      <CodeForm
        code={code}
        confirm={confirm}
        confirmLabel={confirmLabel}
        automatic={!danger}
        danger={danger}
        {...(warning && { warning })}
      />
    );
  }
  return (
    <>
      <p className="muted">{lead}</p>
      <FailureNote failure={request.failure} />
      {warning && <p className="note note-bad">{warning}</p>}
      <button
        type="button"
        className="button-main"
        aria-disabled={request.busy || wait > 0}
        data-busy={request.busy}
        onClick={() => wait === 0 && void request.run(phone)}
      >
        {wait > 0 ? t.phone.sendIn(formatWait(wait, locale)) : t.phone.send}
      </button>
      {step && <ContinueWithCode sent={sent} step={step} />}
    </>
  );
}
