// The form for the phone number, which requests a code.
import { useId, useRef, useState } from 'react';
import type { CodePurpose } from '../api/generated/schema';
import type { ServerInfo } from '../api/server';
import { type Action, useTimeLeft } from '../hooks';
import { useLanguage } from '../i18n';
import { formatWait } from '../i18n/format';
import { FailureNote, FieldError } from '../parts';
import { fullNumber, regionChoices } from '../regions';
import { keep, readKept } from './kept';

/** The maximum of E.164. */
const MAX_DIGITS = 15;

interface Props {
  server: ServerInfo;
  purpose: CodePurpose;
  label: string;
  autoFocus: boolean;
  action: Action<[phone: string]>;
}

export function PhoneForm({ server, purpose, label, autoFocus, action }: Props) {
  const { t, locale } = useLanguage();
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const regions = regionChoices(server.allowedRegions, server.defaultRegion);
  const [typed, setTyped] = useState(() => readKept(purpose).typed ?? { region: regions[0]?.code, number: '' });
  const [checked, setChecked] = useState(false);
  const region = regions.find(({ code }) => code === typed.region) ?? regions[0];
  const names = new Intl.DisplayNames(locale, { type: 'region', style: 'short' });
  const wait = useTimeLeft(action.failure?.limit === 'COOLDOWN' ? action.failure.retryAt : undefined);

  const change = (next: Partial<typeof typed>) => {
    const changed = { ...typed, ...next };
    setTyped(changed);
    keep(purpose, { typed: changed });
    setChecked(false);
    action.clear();
  };

  const number = fullNumber(typed.number, region);
  const findMistake = (): string | undefined => {
    const digits = number.replace(/\D/g, '').length;
    if (typed.number.trim() === '') return t.errors.phoneEmpty;
    if (digits > MAX_DIGITS) return t.errors.phoneTooLong(digits, MAX_DIGITS);
    return undefined;
  };
  const mistake = checked ? findMistake() : undefined;

  const submit = () => {
    setChecked(true);
    if (findMistake()) {
      action.clear();
      field.current?.focus();
    } else if (wait === 0) {
      void action.run(number);
    }
  };

  const invalid = ['INVALID_PHONE', 'REGION_NOT_ALLOWED', 'NUMBER_BLOCKED'].includes(action.failure?.code ?? '');
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div className="phone">
        <div className="field">
          <label htmlFor={`${id}-region`}>{t.phone.region}</label>
          <select
            id={`${id}-region`}
            autoComplete="tel-country-code"
            value={region?.code}
            onChange={(event) => change({ region: event.target.value })}
          >
            {regions.map((choice) => (
              <option key={choice.code} value={choice.code}>
                {names.of(choice.code)} +{choice.calling}
              </option>
            ))}
          </select>
        </div>
        <div className="field">
          <label htmlFor={`${id}-number`}>{label}</label>
          <input
            ref={field}
            id={`${id}-number`}
            name="phone"
            type="tel"
            inputMode="tel"
            autoComplete="tel-national"
            autoFocus={autoFocus}
            required
            placeholder={region?.example}
            value={typed.number}
            aria-invalid={invalid || mistake !== undefined}
            aria-describedby={`${id}-failure`}
            onChange={(event) => change({ number: event.target.value })}
          />
        </div>
      </div>
      {mistake ? (
        <FieldError id={`${id}-failure`} sentence={mistake} />
      ) : (
        <FailureNote failure={action.failure} id={`${id}-failure`} />
      )}
      <button type="submit" className="button-main" aria-disabled={action.busy || wait > 0} data-busy={action.busy}>
        {wait > 0 ? t.phone.sendIn(formatWait(wait, locale)) : t.phone.send}
      </button>
    </form>
  );
}
