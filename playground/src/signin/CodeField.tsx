// One field for all six digits. A password manager, a keyboard suggestion or a paste fills it at once, and a screen
// reader finds one field. The boxes behind it are decoration.
import { useEffect, useRef } from 'react';

export const CODE_DIGITS = 6;

/** Returns the digits of a text, full-width digits included. */
export function readDigits(text: string): string {
  return text.normalize('NFKC').replace(/\D/g, '').slice(0, CODE_DIGITS);
}

interface Props {
  id: string;
  label: string;
  value: string;
  disabled: boolean;
  invalid: boolean;
  describedBy: string;
  onChange: (digits: string) => void;
}

export function CodeField({ id, label, value, disabled, invalid, describedBy, onChange }: Props) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (!disabled) input.current?.focus();
  }, [disabled]);
  useWebOtp(onChange);
  const toEnd = () => input.current?.setSelectionRange(CODE_DIGITS, CODE_DIGITS);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="code">
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
          onChange={(event) => onChange(readDigits(event.target.value))}
          onPaste={(event) => {
            event.preventDefault();
            onChange(readDigits(event.clipboardData.getData('text')));
          }}
          onSelect={toEnd}
          onFocus={toEnd}
        />
        {Array.from({ length: CODE_DIGITS }, (_, index) => (
          <span key={index} aria-hidden="true" className={index === value.length ? 'box box-next' : 'box'}>
            {value[index]}
          </span>
        ))}
      </div>
    </div>
  );
}

/** Reads the code from the SMS if the browser supports it (WebOTP). */
function useWebOtp(onCode: (digits: string) => void) {
  const latest = useRef(onCode);
  useEffect(() => {
    latest.current = onCode;
  });
  useEffect(() => {
    if (!('OTPCredential' in window)) return;
    const abort = new AbortController();
    const options = { otp: { transport: ['sms'] }, signal: abort.signal } as CredentialRequestOptions;
    navigator.credentials
      .get(options)
      .then((credential) => latest.current(readDigits((credential as { code?: string } | null)?.code ?? '')))
      // The user declined, or no SMS arrived: the user types the code.
      .catch(() => undefined);
    return () => abort.abort();
  }, []);
}
