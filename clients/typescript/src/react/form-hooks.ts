// What the forms do, without their appearance: for the forms of this package, and for those of an app.
import { useCallback, useEffect, useRef, useState, type FormEvent } from 'react';
import type { RequestCodeOptions } from '../client.js';
import { fail } from '../transport.js';
import type { CaptchaInput, Challenge, CodeChannel, ProblemCode, Result } from '../types.js';
import { useSmsLogin, useTimeLeft, type Action } from './hooks.js';
import type { Messages } from './messages.js';
import { fullNumber, regionChoices, type Region } from './regions.js';

/** The maximum of E.164. */
const MAX_DIGITS = 15;

/** Shows the captcha with this app id. Returns undefined if the user closes it, and rejects if it cannot be shown. */
export type ShowCaptcha = (appId: string) => Promise<CaptchaInput | undefined>;

export interface UseRequestCodeOptions extends Pick<RequestCodeOptions, 'purpose' | 'reference' | 'locale'> {
  captcha?: ShowCaptcha | undefined;
}

type RequestCode = (phone?: string, channel?: CodeChannel) => Promise<Result<{ challenge: Challenge }>>;

/** Returns a function that requests a code, and that shows the captcha if the server requires one. */
export function useRequestCode(options: UseRequestCodeOptions): RequestCode {
  const { client } = useSmsLogin();
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  const solved = useRef<{ request: string; captcha: CaptchaInput }>(undefined);

  return useCallback(
    async (phone, channel = 'SMS') => {
      const { captcha: show, ...rest } = latest.current;
      const request = `${phone} ${channel}`;
      // A captcha is not shown again if only the answer was lost.
      let captcha = solved.current?.request === request ? solved.current.captcha : undefined;
      let result: Result<{ challenge: Challenge }> = await client.requestCode({ ...rest, phone, channel, captcha });

      const appId = !result.ok && /^CAPTCHA/.test(result.problem.code) && result.problem.captchaAppId;
      if (appId && show) {
        solved.current = undefined;
        try {
          captcha = await show(appId);
        } catch (error) {
          return fail<ProblemCode>('CAPTCHA_UNAVAILABLE', String(error));
        }
        if (!captcha) return fail<ProblemCode>('CAPTCHA_CLOSED', 'The user closed the captcha.');
        solved.current = { request, captcha };
        result = await client.requestCode({ ...rest, phone, channel, captcha });
      }
      if (result.ok) solved.current = undefined;
      return result;
    },
    [client],
  );
}

/** A number as the user typed it. */
export interface TypedNumber {
  /** The code of the chosen region, such as `CN`. */
  region?: string | undefined;
  number: string;
}

export interface PhoneFormOptions {
  request: Action<[phone?: string, channel?: CodeChannel]>;
  messages: Messages;
  /** The regions that the user can choose. By default 39 common ones. */
  regions?: readonly string[] | null | undefined;
  defaultRegion?: string | undefined;
  /** The number to begin with. */
  typed?: TypedNumber | undefined;
  onChange?: ((typed: TypedNumber) => void) | undefined;
}

export interface PhoneFormState {
  choices: Region[];
  region: Region | undefined;
  number: string;
  change(change: Partial<TypedNumber>): void;
  /** What is wrong with the number, before it is sent. */
  mistake: string | undefined;
  isInvalid: boolean;
  /** The milliseconds until the user can request a code. */
  wait: number;
  /** Requests the code, or says what is wrong with the number. */
  submit(event: FormEvent): void;
  /** For the field of the number. It takes the focus if the number is wrong. */
  field: { current: HTMLInputElement | null };
}

/** The state of a form that asks for a phone and sends it a code. */
export function usePhoneForm({ request, messages, regions, defaultRegion, typed, onChange }: PhoneFormOptions): PhoneFormState {
  const choices = regionChoices(regions, defaultRegion);
  const [value, setValue] = useState<TypedNumber>(() => typed ?? { region: choices[0]?.code, number: '' });
  const [isChecked, setChecked] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const { problem } = request;
  const region = choices.find(({ code }) => code === value.region) ?? choices[0];
  const wait = useTimeLeft(problem?.limit === 'COOLDOWN' ? problem.retryAt : undefined);

  const phone = fullNumber(value.number, region);
  const digits = phone.replace(/\D/g, '').length;
  const found = !value.number.trim()
    ? messages.numberEmpty
    : digits > MAX_DIGITS
      ? messages.numberTooLong(digits, MAX_DIGITS)
      : undefined;
  const mistake = isChecked ? found : undefined;

  return {
    choices,
    region,
    number: value.number,
    change(change) {
      const next = { ...value, ...change };
      setValue(next);
      onChange?.(next);
      setChecked(false);
      request.clear();
    },
    mistake,
    isInvalid: !!mistake || /^(INVALID_PHONE|REGION_NOT_ALLOWED|NUMBER_BLOCKED)$/.test(problem?.code ?? ''),
    wait,
    submit(event) {
      event.preventDefault();
      setChecked(true);
      if (found) {
        request.clear();
        field.current?.focus();
      } else if (wait === 0) {
        void request.run(phone);
      }
    },
    field,
  };
}

export interface CodeFormOptions {
  challenge: Challenge;
  confirm: Action<[code: string]>;
  request: Action<[phone?: string, channel?: CodeChannel]>;
  messages: Messages;
  /** Whether the last digit submits the form, without a button. */
  isAutomatic: boolean;
}

export interface CodeFormState {
  digits: string;
  change(digits: string): void;
  /** What is wrong with the digits, before they are sent. */
  mistake: string | undefined;
  isInvalid: boolean;
  /** Whether no code is accepted any more, so that the user needs a new one. */
  isOver: boolean;
  /** Whether a new code was sent while the form is shown. */
  isResent: boolean;
  /** The milliseconds until the user can request a new code. */
  wait: number;
  submit(event: FormEvent): void;
  sendAgain(channel: CodeChannel): void;
}

/** The state of a form that asks for the code of a challenge. */
export function useCodeForm({ challenge, confirm, request, messages, isAutomatic }: CodeFormOptions): CodeFormState {
  const { challengeId, codeLength, phone } = challenge;
  const { run, problem, clear } = confirm;
  const [digits, setDigits] = useState('');
  const [isIncomplete, setIncomplete] = useState(false);
  const [first] = useState(challengeId);
  const isExpired = useTimeLeft(challenge.expiresAt) === 0;
  const wait = useTimeLeft(Math.max(challenge.resendAt, request.problem?.retryAt ?? 0));
  const isOver = isExpired || !!challenge.isOver;

  // Rejected digits are cleared for the next attempt.
  useEffect(() => {
    if (problem?.code === 'CODE_INCORRECT' || problem?.code === 'CODE_EXPIRED') setDigits('');
  }, [problem]);
  useEffect(() => setDigits(''), [challengeId]);

  return {
    digits,
    change(next) {
      setDigits(next);
      setIncomplete(false);
      clear();
      if (isAutomatic && next.length === codeLength) void run(next);
    },
    mistake: isIncomplete ? messages.codeLength(digits.length, codeLength) : undefined,
    isInvalid: isIncomplete || problem?.code === 'CODE_INCORRECT',
    isOver,
    isResent: challengeId !== first && !problem && !request.problem,
    wait,
    submit(event) {
      event.preventDefault();
      setIncomplete(digits.length < codeLength);
      if (digits.length === codeLength && !isOver) void run(digits);
    },
    sendAgain(channel) {
      if (wait > 0) return;
      clear();
      void request.run(phone, channel);
    },
  };
}
