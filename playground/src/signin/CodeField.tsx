// One field for all six digits: a password manager, a keyboard's suggestion and a paste fill it at once, and a screen
// reader meets one field. The boxes behind it only show it.
import { useEffect, useRef } from 'react';

export const CODE_DIGITS = 6;

/** The digits of what was typed or pasted, also of full-width ones. */
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

/** Takes the code from the SMS itself, where the browser offers to (WebOTP). */
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
      // Refused, or no message came: the person types it.
      .catch(() => undefined);
    return () => abort.abort();
  }, []);
}
