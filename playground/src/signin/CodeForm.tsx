// The form for the code. Once the cooldown has passed, it has a button for a new code, and one for a call if the server makes
// calls. If the code cannot be used any more, the button for a new one is the main button.
import { useContext, useEffect, useEffectEvent, useId, useRef } from 'react';
import type { Challenge } from 'sms-login';
import { type Action, CodeField, formatPhone, formatWait, useCodeForm } from 'sms-login/react';
import { useLanguage } from '../i18n';
import { useInbox } from '../inbox/inbox';
import { FieldError, Note, ProblemNote } from '../parts';
import { ServerContext } from '../server';
import { DeliveryLine } from './DeliveryLine';
import type { RequestedCode } from './useCode';

interface Props {
  code: RequestedCode;
  challenge: Challenge;
  confirm: Action<[code: string]>;
  /** What the confirmation does besides. It is shown at its button. */
  warning?: string;
  /** Lets the user enter another number. */
  onBack?: () => void;
}

export function CodeForm({ code, challenge, confirm, warning, onBack }: Props) {
  const { t, sms, locale } = useLanguage();
  const { calls } = useContext(ServerContext);
  const id = useId();
  const again = useRef<HTMLButtonElement>(null);
  const { request, messages } = code;
  const { challengeId, channel, phone = '', purpose, codeLength, sendsRemaining } = challenge;
  // What cannot be undone must not start with the last digit.
  const danger = purpose === 'DELETE_ACCOUNT';
  const form = useCodeForm({ challenge, confirm, request, messages: sms, isAutomatic: !danger });
  const { isOver, wait, mistake } = form;

  useOffer(isOver ? undefined : messages, (picked) => {
    form.change(picked);
    if (danger) document.getElementById(`${id}-code`)?.focus();
  });

  // The field is gone, so the focus needs another place.
  useEffect(() => {
    if (isOver) again.current?.focus();
  }, [isOver]);

  return (
    <form noValidate onSubmit={form.submit}>
      <p className="muted" id={`${id}-sent`}>
        {t.code.sentTo(formatPhone(phone), codeLength)}
      </p>
      {!isOver && (
        <CodeField
          id={`${id}-code`}
          label={sms.code(codeLength)}
          length={codeLength}
          value={form.digits}
          disabled={confirm.busy}
          invalid={form.isInvalid}
          describedBy={`${id}-sent ${id}-problem`}
          onChange={form.change}
        />
      )}
      {mistake ? (
        <FieldError id={`${id}-problem`} sentence={mistake} />
      ) : (
        <ProblemNote problem={confirm.problem} id={`${id}-problem`} />
      )}
      {isOver && !confirm.problem && !request.problem && (
        <FieldError id={`${id}-problem`} sentence={sms.problems.CODE_EXPIRED} />
      )}
      <DeliveryLine challengeId={challengeId} />
      {form.isResent && <Note>{channel === 'VOICE' ? sms.calling : sms.resent}</Note>}
      {!isOver && (
        <div className="warned">
          {warning && <p className="note note-bad">{warning}</p>}
          <button
            type="submit"
            className={danger ? 'button-main button-danger' : 'button-main'}
            aria-disabled={confirm.busy}
            data-busy={confirm.busy}
          >
            {sms.confirm[purpose]}
          </button>
        </div>
      )}
      <div className="warned">
        <ProblemNote problem={request.problem} />
        {sendsRemaining !== null && sendsRemaining <= 3 && <p className="muted small">{sms.left(sendsRemaining)}</p>}
        <button
          ref={again}
          type="button"
          className={isOver ? 'button-main' : 'button-link'}
          aria-disabled={wait > 0 || request.busy}
          data-busy={request.busy}
          onClick={() => form.sendAgain('SMS')}
        >
          {wait > 0 ? sms.resendIn(formatWait(wait, locale)) : sms.resend}
        </button>
      </div>
      {calls && wait === 0 && !isOver && (
        <button type="button" className="button-link" aria-disabled={request.busy} onClick={() => form.sendAgain('VOICE')}>
          {sms.call}
        </button>
      )}
      {onBack && (
        <button type="button" className="button-link" onClick={onBack}>
          {sms.back}
        </button>
      )}
    </form>
  );
}

/** Offers the messages of the inbox whose codes are still valid. */
function useOffer(messages: RequestedCode['messages'] | undefined, use: (code: string) => void) {
  const { setOffer, messages: shown } = useInbox();
  const onUse = useEffectEvent(use);
  useEffect(() => {
    // The inbox fetches its messages again and again, so codes that expire are soon not offered any more.
    const valid = messages?.filter(({ expiresAt }) => expiresAt > Date.now()) ?? [];
    setOffer({ ids: valid.map(({ id }) => id), use: ({ code }) => onUse(code) });
    return () => setOffer(undefined);
  }, [messages, shown, setOffer]);
}
