// The form for the code. Once the cooldown has passed, it has a button for a new code, and one for a call if the server makes
// calls. If the code cannot be used any more, the button for a new one is the main button.
import { useContext, useEffect, useEffectEvent, useId, useRef, useState } from 'react';
import { localTime } from '../api/clock';
import type { Failure } from '../api/failure';
import type { CodeChannel } from '../api/generated/schema';
import { ServerContext } from '../api/server';
import { type Action, useTimeLeft } from '../hooks';
import { useLanguage } from '../i18n';
import { formatWait } from '../i18n/format';
import { useInbox } from '../inbox/inbox';
import { FailureNote, FieldError, Note } from '../parts';
import { readable } from '../regions';
import { CodeField } from './CodeField';
import { DeliveryLine } from './DeliveryLine';
import type { RequestedCode } from './useCode';

interface Props {
  code: RequestedCode;
  confirm: Action<[code: string]>;
  confirmLabel: string;
  /** Whether the last digit submits the form, without the button. */
  automatic: boolean;
  /** What the confirmation does besides. It is shown at its button. */
  warning?: string;
  danger?: boolean;
  /** Lets the user enter another number. */
  onBack?: () => void;
}

/** Returns whether no digits can be right for the challenge any more. */
function isEnd(failure: Failure | undefined): boolean {
  if (failure?.code === 'CODE_INCORRECT') return failure.attemptsRemaining === 0;
  return ['CODE_EXPIRED', 'CHALLENGE_MISMATCH', 'PHONE_TAKEN', 'ACCOUNT_DISABLED'].includes(failure?.code ?? '');
}

export function CodeForm({ code, confirm, confirmLabel, automatic, warning, danger = false, onBack }: Props) {
  const { t } = useLanguage();
  const id = useId();
  const { sent, request, markDead } = code;
  const [digits, setDigits] = useState('');
  const [incomplete, setIncomplete] = useState(false);
  const [first] = useState(sent?.answer.challengeId);
  const challengeId = sent?.answer.challengeId;
  const codeLength = sent?.answer.codeLength ?? 0;
  const { run, failure, clear } = confirm;
  const expired = useTimeLeft(sent && localTime(sent.answer.expiresAt)) === 0;
  const dead = !!sent && (sent.dead || expired);

  const change = (next: string) => {
    setDigits(next);
    setIncomplete(false);
    clear();
    if (automatic && next.length === codeLength) void run(next);
  };

  useOffer(dead ? undefined : sent?.messages, (picked) => {
    change(picked);
    if (!automatic) document.getElementById(`${id}-code`)?.focus();
  });

  // Rejected digits are cleared for the next attempt.
  const onFailure = useEffectEvent((next: Failure | undefined) => {
    if (next?.code === 'CODE_INCORRECT' || isEnd(next)) setDigits('');
    if (isEnd(next)) markDead();
  });
  useEffect(() => onFailure(failure), [failure]);
  useEffect(() => setDigits(''), [challengeId]);

  if (!sent) return null;
  const resent = !failure && !request.failure && challengeId !== first;
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setIncomplete(digits.length < codeLength);
        if (digits.length === codeLength && !dead) void run(digits);
      }}
    >
      <p className="muted" id={`${id}-sent`}>
        {t.code.sentTo(readable(sent.phone), codeLength)}
      </p>
      {!dead && (
        <CodeField
          id={`${id}-code`}
          label={t.code.label(codeLength)}
          length={codeLength}
          value={digits}
          disabled={confirm.busy}
          invalid={incomplete || failure?.code === 'CODE_INCORRECT'}
          describedBy={`${id}-sent ${id}-failure`}
          onChange={change}
        />
      )}
      {incomplete ? (
        <FieldError id={`${id}-failure`} sentence={t.errors.codeLength(digits.length, codeLength)} />
      ) : (
        <FailureNote failure={failure} id={`${id}-failure`} />
      )}
      {dead && !failure && !request.failure && <FieldError id={`${id}-failure`} sentence={t.errors.codeExpired} />}
      <DeliveryLine challengeId={sent.answer.challengeId} />
      {resent && <Note>{sent.channel === 'VOICE' ? t.code.calling : t.code.resent}</Note>}
      {!dead && (
        <div className="warned">
          {warning && <p className="note note-bad">{warning}</p>}
          <button
            type="submit"
            className={danger ? 'button-main button-danger' : 'button-main'}
            aria-disabled={confirm.busy}
            data-busy={confirm.busy}
          >
            {confirmLabel}
          </button>
        </div>
      )}
      <Resend code={code} sent={sent} dead={dead} onSend={clear} />
      {onBack && (
        <button type="button" className="button-link" onClick={onBack}>
          {t.code.back}
        </button>
      )}
    </form>
  );
}

/** Offers the messages of the inbox whose codes are still valid. */
function useOffer(messages: { id: number; expiresAt: string }[] | undefined, use: (code: string) => void) {
  const { setOffer, messages: shown } = useInbox();
  const onUse = useEffectEvent(use);
  useEffect(() => {
    // The inbox fetches its messages again and again, so codes that expire are soon not offered any more.
    const valid = messages?.filter(({ expiresAt }) => localTime(expiresAt) > Date.now()) ?? [];
    setOffer({ ids: valid.map(({ id }) => id), use: ({ code }) => onUse(code) });
    return () => setOffer(undefined);
  }, [messages, shown, setOffer]);
}

interface ResendProps {
  code: RequestedCode;
  sent: NonNullable<RequestedCode['sent']>;
  /** Whether a new code is the only way to continue. */
  dead: boolean;
  onSend: () => void;
}

function Resend({ code, sent, dead, onSend }: ResendProps) {
  const { t, locale } = useLanguage();
  const { calls } = useContext(ServerContext);
  const { request } = code;
  const button = useRef<HTMLButtonElement>(null);
  const left = useTimeLeft(Math.max(localTime(sent.answer.resendAt), request.failure?.retryAt ?? 0));
  const { sendsRemaining } = sent.answer;

  // The field is gone, so the focus needs another place.
  useEffect(() => {
    if (dead) button.current?.focus();
  }, [dead]);

  const send = (channel: CodeChannel) => {
    if (left > 0) return;
    onSend();
    void request.run(sent.phone, channel);
  };
  return (
    <>
      <div className="warned">
        <FailureNote failure={request.failure} />
        {sendsRemaining !== null && sendsRemaining <= 3 && (
          <p className="muted small">{sendsRemaining === 0 ? t.code.none : t.code.left(sendsRemaining)}</p>
        )}
        <button
          ref={button}
          type="button"
          className={dead ? 'button-main' : 'button-link'}
          aria-disabled={left > 0 || request.busy}
          data-busy={request.busy}
          onClick={() => send('SMS')}
        >
          {left > 0 ? t.code.resendIn(formatWait(left, locale)) : t.code.resend}
        </button>
      </div>
      {calls && left === 0 && !dead && (
        <button type="button" className="button-link" aria-disabled={request.busy} onClick={() => send('VOICE')}>
          {t.code.call}
        </button>
      )}
    </>
  );
}
