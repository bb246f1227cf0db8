// The form for the code. Once the cooldown has passed, it has a button for a new code, and one for a call if the server makes
// calls.
import { useContext, useEffect, useId, useState } from 'react';
import { localTime } from '../api/clock';
import type { RequestCodeMutation } from '../api/generated/operations';
import type { CodeChannel } from '../api/generated/schema';
import { ServerContext } from '../api/server';
import { type Action, useTimeLeft } from '../hooks';
import { useLanguage } from '../i18n';
import { formatWait } from '../i18n/format';
import { useInbox } from '../inbox/inbox';
import { FailureNote, Note } from '../parts';
import { readable } from '../regions';
import { CodeField } from './CodeField';
import { DeliveryLine } from './DeliveryLine';

export interface SentCode {
  phone: string;
  channel: CodeChannel;
  answer: Extract<RequestCodeMutation['requestCode'], { __typename: 'RequestCodePayload' }>;
}

interface Props {
  sent: SentCode;
  confirm: Action<[code: string]>;
  confirmLabel: string;
  /** Whether the last digit submits the form, without the button. */
  automatic: boolean;
  resend: Action<[phone: string, channel?: CodeChannel]>;
  danger?: boolean;
}

const digitsOf = (phone: string) => phone.replace(/\D/g, '').replace(/^0+/, '');

export function CodeForm({ sent, confirm, confirmLabel, automatic, resend, danger = false }: Props) {
  const { t, locale } = useLanguage();
  const { calls } = useContext(ServerContext);
  const id = useId();
  const { picked, pick, messages, setAwaited } = useInbox();
  const [code, setCode] = useState('');
  const [first] = useState(sent.answer.challengeId);
  const limited = resend.failure?.retryAt ?? 0;
  const left = useTimeLeft(Math.max(localTime(sent.answer.resendAt), limited));
  const { codeLength, sendsRemaining } = sent.answer;
  const { run, failure, clear } = confirm;

  const change = (digits: string) => {
    setCode(digits);
    clear();
    if (automatic && digits.length === codeLength) void run(digits);
  };

  const sendAgain = (channel: CodeChannel) => {
    if (left > 0) return;
    clear();
    void resend.run(sent.phone, channel);
  };

  useEffect(() => {
    if (!picked) return;
    pick(undefined);
    setCode(picked.code);
    clear();
    if (automatic) void run(picked.code);
  }, [picked, pick, automatic, run, clear]);

  // The number in the server's form, which may differ from what the user typed.
  const awaited = messages.find(({ phone }) => digitsOf(phone).endsWith(digitsOf(sent.phone)))?.phone;
  useEffect(() => {
    setAwaited(awaited);
    return () => setAwaited(undefined);
  }, [awaited, setAwaited]);

  // Rejected digits are cleared for the next attempt.
  useEffect(() => {
    if (failure?.code === 'CODE_INCORRECT' || failure?.code === 'CODE_EXPIRED') setCode('');
  }, [failure]);
  useEffect(() => setCode(''), [sent.answer.challengeId]);

  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void run(code);
      }}
    >
      <p className="muted" id={`${id}-sent`}>
        {t.code.sentTo(readable(sent.phone), codeLength)}
      </p>
      <CodeField
        id={`${id}-code`}
        label={t.code.label(codeLength)}
        length={codeLength}
        value={code}
        disabled={confirm.busy}
        invalid={failure?.code === 'CODE_INCORRECT'}
        describedBy={`${id}-sent ${id}-failure`}
        onChange={change}
      />
      <DeliveryLine challengeId={sent.answer.challengeId} />
      <FailureNote failure={failure ?? resend.failure} id={`${id}-failure`} />
      {!failure && !resend.failure && sent.answer.challengeId !== first && (
        <Note>{sent.channel === 'VOICE' ? t.code.calling : t.code.resent}</Note>
      )}
      <button
        type="submit"
        className={danger ? 'button-main button-danger' : 'button-main'}
        aria-disabled={confirm.busy}
        data-busy={confirm.busy}
      >
        {confirmLabel}
      </button>
      <button
        type="button"
        className="button-link"
        aria-disabled={left > 0 || resend.busy}
        onClick={() => sendAgain('SMS')}
      >
        {left > 0 ? t.code.resendIn(formatWait(left, locale)) : t.code.resend}
      </button>
      {calls && left === 0 && (
        <button
          type="button"
          className="button-link"
          aria-disabled={resend.busy}
          onClick={() => sendAgain('VOICE')}
        >
          {t.code.call}
        </button>
      )}
      {sendsRemaining !== null && sendsRemaining <= 3 && (
        <p className="muted small">{sendsRemaining === 0 ? t.code.none : t.code.left(sendsRemaining)}</p>
      )}
    </form>
  );
}
