// Confirms an action with a code that the server sends to the account's own phone.
import { useEffect } from 'react';
import type { CodePurpose, Result } from 'sms-login';
import { formatPhone, formatWait, useAction, useTimeLeft } from 'sms-login/react';
import { useLanguage } from '../i18n';
import { ProblemNote } from '../parts';
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
  lead: (phone: string) => string;
  /** What the action does besides. It is shown at the button. */
  warning?: string;
  confirm: (options: { code: string }) => Promise<Result<object>>;
  onDone?: () => void;
}

export function OwnPhone({ phone, purpose, panel, lead, warning, confirm, onDone }: Props) {
  const { sms, locale } = useLanguage();
  const route = useRoute();
  const step = panel && codeStep(panel);
  const code = useCode(purpose, () => step && go(step));
  const { challenge, request } = code;
  const wait = useTimeLeft(request.problem?.retryAt);
  const action = useAction(
    (digits: string) => confirm({ code: digits }),
    () => {
      dropKept(purpose);
      onDone?.();
    },
  );

  const isLost = step !== undefined && route === step && !challenge;
  useEffect(() => {
    if (isLost && panel) replace(panel);
  }, [isLost, panel]);

  const atCode = step === undefined || route === step;
  if (challenge && atCode) {
    return <CodeForm code={code} challenge={challenge} confirm={action} {...(warning && { warning })} />;
  }
  return (
    <>
      <p className="muted">{lead(formatPhone(phone))}</p>
      <ProblemNote problem={request.problem} />
      {warning && <p className="note note-bad">{warning}</p>}
      <button
        type="button"
        className="button-main"
        aria-disabled={request.busy || wait > 0}
        data-busy={request.busy}
        onClick={() => wait === 0 && void request.run(phone)}
      >
        {wait > 0 ? sms.sendIn(formatWait(wait, locale)) : sms.send}
      </button>
      {step && <ContinueWithCode challenge={challenge} step={step} />}
    </>
  );
}
