// The parts of the forms.
import { useEffect, useRef, useState, type ReactElement, type ReactNode } from 'react';
import type { Problem } from '../types.js';
import { useTimeLeft } from './hooks.js';
import type { Messages } from './messages.js';
import { readDigits } from './regions.js';
import { explain, formatWait } from './texts.js';

/** The texts and their locale. */
export interface Language {
  t: Messages;
  locale: string;
}

export interface CodeFieldProps {
  id: string;
  label: ReactNode;
  /** The number of digits. */
  length: number;
  value: string;
  disabled?: boolean;
  invalid?: boolean;
  describedBy?: string;
  onChange: (digits: string) => void;
}

/**
 * One field for all digits. A password manager, a keyboard suggestion, a paste or the SMS itself (WebOTP) fills it at once, and
 * a screen reader finds one field. The boxes behind it are decoration.
 */
export function CodeField({ id, label, length, value, disabled, invalid, describedBy, onChange }: CodeFieldProps): ReactElement {
  const input = useRef<HTMLInputElement>(null);
  const change = (text: string) => onChange(readDigits(text, length));
  useEffect(() => {
    if (!disabled) input.current?.focus();
  }, [disabled]);
  useWebOtp(change);
  const toEnd = () => input.current?.setSelectionRange(length, length);
  return (
    <div className="sms-login-field">
      <label htmlFor={id}>{label}</label>
      <div className="sms-login-code">
        <input
          ref={input}
          id={id}
          name="code"
          type="text"
          inputMode="numeric"
          autoComplete="one-time-code"
          pattern="[0-9]*"
          required
          value={value}
          readOnly={disabled}
          aria-invalid={invalid}
          aria-describedby={describedBy}
          onChange={(event) => change(event.target.value)}
          onPaste={(event) => {
            event.preventDefault();
            change(event.clipboardData.getData('text'));
          }}
          onSelect={toEnd}
          onFocus={toEnd}
        />
        {Array.from({ length }, (_, index) => (
          <span key={index} aria-hidden="true" className={index === value.length ? 'sms-login-box sms-login-next' : 'sms-login-box'}>
            {value[index]}
          </span>
        ))}
      </div>
    </div>
  );
}

/** Reads the code from the SMS if the browser supports it. */
function useWebOtp(onCode: (text: string) => void): void {
  const latest = useRef(onCode);
  useEffect(() => {
    latest.current = onCode;
  });
  useEffect(() => {
    if (!('OTPCredential' in window)) return undefined;
    const abort = new AbortController();
    const options = { otp: { transport: ['sms'] }, signal: abort.signal } as CredentialRequestOptions;
    navigator.credentials
      .get(options)
      .then((credential) => latest.current((credential as { code?: string } | null)?.code ?? ''))
      // The user declined, or no SMS arrived: the user types the code.
      .catch(() => undefined);
    return () => abort.abort();
  }, []);
}

/** Says what is wrong with a field before anything is sent. */
export function Mistake({ id, text }: { id: string; text: string }): ReactElement {
  return (
    <p className="sms-login-note sms-login-bad" role="alert" id={id}>
      {text}
    </p>
  );
}

/** Shows a problem as a sentence, with a countdown that a screen reader announces only once. */
export function ProblemNote({ problem, id, t, locale }: Language & { problem: Problem | undefined; id: string }): ReactElement | null {
  const left = useTimeLeft(problem?.retryAt);
  if (!problem) return null;
  const sentence = explain(problem, t);
  return (
    <div className="sms-login-note sms-login-bad" id={id}>
      <p aria-hidden="true">
        {sentence} {problem.retryAt ? (left > 0 ? t.wait(formatWait(left, locale)) : t.retry) : ''}
      </p>
      {problem.requestId && <small>{t.request(problem.requestId)}</small>}
      <Spoken key={`${sentence}${problem.retryAt}`} text={left > 0 ? `${sentence} ${t.wait(formatWait(left, locale))}` : sentence} />
    </div>
  );
}

/** A text for screen readers. They announce each change of it, so it does not change. */
function Spoken({ text }: { text: string }): ReactElement {
  const [first] = useState(text);
  return (
    <p role="alert" className="sms-login-hidden">
      {first}
    </p>
  );
}
