// The forms: for the phone, and for the code that it received.
import { useEffect, useId, useState, type FormEvent, type ReactElement } from 'react';
import type { Challenge, CodeChannel } from '../types.js';
import { CodeField, ProblemNote, type Language } from './fields.js';
import { useDelivery, useTimeLeft, type Action } from './hooks.js';
import { fullNumber, regionChoices } from './regions.js';
import { formatWait } from './texts.js';

export interface PhoneFormProps extends Language {
  request: Action<[phone?: string, channel?: CodeChannel]>;
  /** Whether the user enters a phone. If not, the code goes to the account's own phone. */
  asksPhone: boolean;
  regions: readonly string[] | undefined;
  defaultRegion: string | undefined;
  autoFocus: boolean;
}

export function PhoneForm({ request, asksPhone, regions, defaultRegion, autoFocus, t, locale }: PhoneFormProps): ReactElement {
  const id = useId();
  const choices = regionChoices(regions, defaultRegion);
  const [code, setCode] = useState(choices[0]?.code);
  const [typed, setTyped] = useState('');
  const region = choices.find((choice) => choice.code === code);
  const names = new Intl.DisplayNames(locale, { type: 'region', style: 'short' });
  const wait = useTimeLeft(request.problem?.limit === 'COOLDOWN' ? request.problem.retryAt : undefined);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (wait === 0) void request.run(asksPhone ? fullNumber(typed, region) : undefined);
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
              value={code}
              onChange={(event) => {
                setCode(event.target.value);
                request.clear();
              }}
            >
              {choices.map((choice) => (
                <option key={choice.code} value={choice.code}>
                  {names.of(choice.code)} +{choice.calling}
                </option>
              ))}
            </select>
          </div>
          <div className="sms-login-field">
            <label htmlFor={`${id}-number`}>{t.number}</label>
            <input
              id={`${id}-number`}
              name="phone"
              type="tel"
              inputMode="tel"
              autoComplete="tel-national"
              autoFocus={autoFocus}
              required
              placeholder={region?.example}
              value={typed}
              aria-invalid={request.problem?.code === 'INVALID_PHONE'}
              aria-describedby={`${id}-problem`}
              onChange={(event) => {
                setTyped(event.target.value);
                request.clear();
              }}
            />
          </div>
        </div>
      )}
      <ProblemNote id={`${id}-problem`} problem={request.problem} t={t} locale={locale} />
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
  const [digits, setDigits] = useState('');
  const [first] = useState(challenge.challengeId);
  const { challengeId, channel, phone, purpose, codeLength, sendsRemaining, resendAt } = challenge;
  const { run, problem, clear } = confirm;
  const left = useTimeLeft(Math.max(resendAt, request.problem?.retryAt ?? 0));
  const delivery = useDelivery(challengeId);
  const shown = problem ?? request.problem;

  const change = (next: string) => {
    setDigits(next);
    clear();
    if (isAutomatic && next.length === codeLength) void run(next);
  };

  const sendAgain = (by: CodeChannel) => {
    if (left > 0) return;
    clear();
    void request.run(phone, by);
  };

  useEffect(() => {
    if (!code) return;
    setDigits(code);
    if (isAutomatic) void run(code);
  }, [code, isAutomatic, run]);

  // Rejected digits are cleared for the next attempt.
  useEffect(() => {
    if (problem?.code === 'CODE_INCORRECT' || problem?.code === 'CODE_EXPIRED') setDigits('');
  }, [problem]);
  useEffect(() => setDigits(''), [challengeId]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run(digits);
  };

  return (
    <form noValidate onSubmit={submit}>
      <p className="sms-login-muted" id={`${id}-sent`}>
        {phone ? t.sentTo(phone) : t.sentToYou}
      </p>
      <CodeField
        id={`${id}-code`}
        label={t.code(codeLength)}
        length={codeLength}
        value={digits}
        disabled={confirm.busy}
        invalid={problem?.code === 'CODE_INCORRECT'}
        describedBy={`${id}-sent ${id}-problem`}
        onChange={change}
      />
      <p className="sms-login-muted sms-login-small" aria-live="polite">
        {delivery && { QUEUED: t.underWay, ACCEPTED: t.underWay, DELIVERED: t.delivered, FAILED: t.failed, UNKNOWN: '' }[delivery.status]}
      </p>
      <ProblemNote id={`${id}-problem`} problem={shown} t={t} locale={locale} />
      {!shown && challengeId !== first && (
        <p className="sms-login-note sms-login-good" role="status">
          {channel === 'VOICE' ? t.calling : t.resent}
        </p>
      )}
      <button
        type="submit"
        className={purpose === 'DELETE_ACCOUNT' ? 'sms-login-button sms-login-danger' : 'sms-login-button'}
        aria-disabled={confirm.busy}
        aria-busy={confirm.busy}
      >
        {t.confirm[purpose]}
      </button>
      <button type="button" className="sms-login-link" aria-disabled={left > 0 || request.busy} onClick={() => sendAgain('SMS')}>
        {left > 0 ? t.resendIn(formatWait(left, locale)) : t.resend}
      </button>
      {calls && left === 0 && (
        <button type="button" className="sms-login-link" aria-disabled={request.busy} onClick={() => sendAgain('VOICE')}>
          {t.call}
        </button>
      )}
      {sendsRemaining !== null && sendsRemaining <= 3 && (
        <p className="sms-login-muted sms-login-small">{t.left(sendsRemaining)}</p>
      )}
    </form>
  );
}
