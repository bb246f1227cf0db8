// One field for all digits. A password manager, a keyboard suggestion or a paste fills it at once, and a screen
// reader finds one field. The boxes behind it are decoration.
import { useEffect, useRef } from 'react';

/** Returns the first digits of a text, full-width digits included. */
export function readDigits(text: string, length: number): string {
  return text.normalize('NFKC').replace(/\D/g, '').slice(0, length);
}

interface Props {
  id: string;
  label: string;
  /** The number of digits in the code. */
  length: number;
  value: string;
  disabled: boolean;
  invalid: boolean;
  describedBy: string;
  onChange: (digits: string) => void;
}

export function CodeField({ id, label, length, value, disabled, invalid, describedBy, onChange }: Props) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (!disabled) input.current?.focus();
  }, [disabled]);
  useWebOtp((text) => onChange(readDigits(text, length)));
  const toEnd = () => input.current?.setSelectionRange(length, length);
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
          onChange={(event) => onChange(readDigits(event.target.value, length))}
          onPaste={(event) => {
            event.preventDefault();
            onChange(readDigits(event.clipboardData.getData('text'), length));
          }}
          onSelect={toEnd}
          onFocus={toEnd}
        />
        {Array.from({ length }, (_, index) => (
          <span key={index} aria-hidden="true" className={index === value.length ? 'box box-next' : 'box'}>
            {value[index]}
          </span>
        ))}
      </div>
    </div>
  );
}

/** Reads the code from the SMS if the browser supports it (WebOTP). */
function useWebOtp(onCode: (text: string) => void) {
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
      .then((credential) => latest.current((credential as { code?: string } | null)?.code ?? ''))
      // The user declined, or no SMS arrived: the user types the code.
      .catch(() => undefined);
    return () => abort.abort();
  }, []);
}
