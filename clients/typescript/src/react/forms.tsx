// The forms: for the phone, and for the code that it received.
import { useEffect, useId, useRef, type FormEvent, type ReactElement } from 'react';
import type { Challenge, CodeChannel } from '../types.js';
import { CodeField, Mistake, ProblemNote, type Language } from './fields.js';
import { useCodeForm, usePhoneForm, type TypedNumber } from './form-hooks.js';
import { useDelivery, useTimeLeft, type Action } from './hooks.js';
import type { Messages } from './messages.js';
import { formatPhone } from './regions.js';
import { explainDelivery, formatWait } from './texts.js';

export interface PhoneFormProps extends Language {
  request: Action<[phone?: string, channel?: CodeChannel]>;
  /** Whether the user enters a phone. If not, the code goes to the account's own phone. */
  asksPhone: boolean;
  regions: readonly string[] | undefined;
  defaultRegion: string | undefined;
  autoFocus: boolean;
  typed: TypedNumber | undefined;
  onChange: (typed: TypedNumber) => void;
}

export function PhoneForm({ request, asksPhone, autoFocus, t, locale, ...number }: PhoneFormProps): ReactElement {
  const id = useId();
  const form = usePhoneForm({ request, messages: t, ...number });
  const { region, wait, mistake } = form;
  const names = new Intl.DisplayNames(locale, { type: 'region', style: 'short' });

  const submit = (event: FormEvent) => {
    if (asksPhone) return form.submit(event);
    event.preventDefault();
    if (wait === 0) void request.run();
  };

  return (
    <form noValidate onSubmit={submit}>
      {asksPhone && (
        <div className="sms-login-phone">
          <div className="sms-login-field">
            <label htmlFor={`${id}-region`}>{t.region}</label>
            <select
              id={`${id}-region`}
              autoComplete="tel-country-code"
              value={region?.code}
              onChange={(event) => form.change({ region: event.target.value })}
            >
              {form.choices.map((choice) => (
                <option key={choice.code} value={choice.code}>
                  {names.of(choice.code)} +{choice.calling}
                </option>
              ))}
            </select>
          </div>
          <div className="sms-login-field">
            <label htmlFor={`${id}-number`}>{t.number}</label>
            <input
              ref={form.field}
              id={`${id}-number`}
              name="phone"
              type="tel"
              inputMode="tel"
              autoComplete="tel-national"
              autoFocus={autoFocus}
              required
              placeholder={region?.example}
              value={form.number}
              aria-invalid={form.isInvalid}
              aria-describedby={`${id}-problem`}
              onChange={(event) => form.change({ number: event.target.value })}
            />
          </div>
        </div>
      )}
      {mistake ? (
        <Mistake id={`${id}-problem`} text={mistake} />
      ) : (
        <ProblemNote id={`${id}-problem`} problem={request.problem} t={t} locale={locale} />
      )}
      <button type="submit" className="sms-login-button" aria-disabled={request.busy || wait > 0} aria-busy={request.busy}>
        {wait > 0 ? t.sendIn(formatWait(wait, locale)) : t.send}
      </button>
    </form>
  );
}

export interface CodeFormProps extends Language {
  challenge: Challenge;
  confirm: Action<[code: string]>;
  request: PhoneFormProps['request'];
  /** Whether the last digit submits the form, without the button. */
  isAutomatic: boolean;
  /** Whether the server can also call the phone. */
  calls: boolean;
  /** A code to use, for example from the messages that a test server shows. */
  code: string | undefined;
}

export function CodeForm({ challenge, confirm, request, isAutomatic, calls, code, t, locale }: CodeFormProps): ReactElement {
  const id = useId();
  const form = useCodeForm({ challenge, confirm, request, messages: t, isAutomatic });
  const { challengeId, channel, phone, purpose, codeLength, sendsRemaining } = challenge;
  const { mistake, isOver, wait } = form;
  const delivery = useDelivery(challengeId);
  const shown = confirm.problem ?? request.problem;
  const again = useRef<HTMLButtonElement>(null);

  const { change } = form;
  const latest = useRef(change);
  useEffect(() => {
    latest.current = change;
  });
  useEffect(() => {
    if (code) latest.current(code);
  }, [code]);

  // The field is gone, so the focus needs another place.
  useEffect(() => {
    if (isOver) again.current?.focus();
  }, [isOver]);

  return (
    <form noValidate onSubmit={form.submit}>
      <p className="sms-login-muted" id={`${id}-sent`}>
        {phone ? t.sentTo(formatPhone(phone)) : t.sentToYou}
      </p>
      {!isOver && (
        <CodeField
          id={`${id}-code`}
          label={t.code(codeLength)}
          length={codeLength}
          value={form.digits}
          disabled={confirm.busy}
          invalid={form.isInvalid}
          describedBy={`${id}-sent ${id}-problem`}
          onChange={change}
        />
      )}
      <p className="sms-login-muted sms-login-small" aria-live="polite">
        {delivery && explainDelivery(delivery, t)}
      </p>
      {mistake || (isOver && !shown) ? (
        <Mistake id={`${id}-problem`} text={mistake ?? t.problems.CODE_EXPIRED} />
      ) : (
        <ProblemNote id={`${id}-problem`} problem={shown} t={t} locale={locale} />
      )}
      {form.isResent && (
        <p className="sms-login-note sms-login-good" role="status">
          {channel === 'VOICE' ? t.calling : t.resent}
        </p>
      )}
      {!isOver && (
        <button
          type="submit"
          className={purpose === 'DELETE_ACCOUNT' ? 'sms-login-button sms-login-danger' : 'sms-login-button'}
          aria-disabled={confirm.busy}
          aria-busy={confirm.busy}
        >
          {t.confirm[purpose]}
        </button>
      )}
      <button
        ref={again}
        type="button"
        className={isOver ? 'sms-login-button' : 'sms-login-link'}
        aria-disabled={wait > 0 || request.busy}
        onClick={() => form.sendAgain('SMS')}
      >
        {wait > 0 ? t.resendIn(formatWait(wait, locale)) : t.resend}
      </button>
      {calls && wait === 0 && !isOver && (
        <button type="button" className="sms-login-link" aria-disabled={request.busy} onClick={() => form.sendAgain('VOICE')}>
          {t.call}
        </button>
      )}
      {sendsRemaining !== null && sendsRemaining <= 3 && (
        <p className="sms-login-muted sms-login-small">{t.left(sendsRemaining)}</p>
      )}
    </form>
  );
}

/** A way back to the code that was sent before, while it is accepted. */
export function Forward({ challenge, t, onClick }: { challenge: Challenge; t: Messages; onClick: () => void }): ReactElement | null {
  const isAccepted = useTimeLeft(challenge.expiresAt) > 0 && !challenge.isOver;
  if (!isAccepted || !challenge.phone) return null;
  return (
    <button type="button" className="sms-login-link" onClick={onClick}>
      {t.forward(formatPhone(challenge.phone))}
    </button>
  );
}
