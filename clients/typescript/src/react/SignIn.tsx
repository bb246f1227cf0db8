// The sign-in form, and the same form for the other purposes of a code.
import { useMemo, useRef, useState, type CSSProperties, type ReactElement } from 'react';
import type { SmsLogin } from '../client.js';
import type { CodeChannel, CodePurpose, Result, User } from '../types.js';
import { useRequestCode, type ShowCaptcha, type TypedNumber } from './form-hooks.js';
import { CodeForm, Forward, PhoneForm } from './forms.js';
import { useAction, useSmsLogin } from './hooks.js';
import type { Messages } from './messages.js';
import { isChinese, messagesFor } from './texts.js';

export interface FormProps {
  /** The language as a BCP 47 tag; Chinese or English. By default the browser's. It also chooses the text of the SMS. */
  locale?: string | undefined;
  /** Texts that replace the default ones. */
  messages?: Partial<Messages> | undefined;
  /** The regions that the user can choose, such as `["CN", "HK"]`. By default 39 common ones. */
  regions?: readonly string[] | undefined;
  /** The region that is chosen first. By default China's. */
  defaultRegion?: string | undefined;
  /** Whether the server can also call the phone. */
  calls?: boolean | undefined;
  /** Shows the captcha with this app id, and returns its result; undefined if the user closes it. Rejects if it cannot be shown. */
  captcha?: ShowCaptcha | undefined;
  /** By default the theme of the operating system. */
  theme?: 'light' | 'dark' | undefined;
  /** By default 2, for `<h2>`. */
  headingLevel?: 1 | 2 | 3 | 4 | 5 | 6 | undefined;
  /** Whether the field for the phone takes the focus at once. */
  autoFocus?: boolean | undefined;
  /** A code to use, for example from the messages that a test server shows. */
  code?: string | undefined;
  className?: string | undefined;
  style?: CSSProperties | undefined;
}

/** What each purpose does with a code. */
const CONFIRM = {
  LOGIN: (client: SmsLogin, code: string) => client.login({ code }),
  VERIFY: (client: SmsLogin, code: string) => client.verifyCode({ code }),
  REAUTHENTICATE: (client: SmsLogin, code: string) => client.reauthenticate({ code }),
  CHANGE_PHONE: (client: SmsLogin, code: string) => client.changePhone({ code }),
  DELETE_ACCOUNT: (client: SmsLogin, code: string) => client.deleteAccount({ code }),
};

type Payload<Purpose extends CodePurpose> = Extract<Awaited<ReturnType<(typeof CONFIRM)[Purpose]>>, { ok: true }>;

export interface ConfirmPhoneProps<Purpose extends CodePurpose> extends FormProps {
  purpose: Purpose;
  /** What the user confirms, with the purpose `VERIFY`. */
  reference?: string | undefined;
  onDone?: ((payload: Payload<Purpose>) => void) | undefined;
}

/**
 * Asks for a phone, sends it a code, and uses the code for a purpose, such as `CHANGE_PHONE`. If the session signed in too long
 * ago for this, the user first confirms the current phone.
 */
export function ConfirmPhone<Purpose extends CodePurpose>(props: ConfirmPhoneProps<Purpose>): ReactElement {
  const { purpose, reference, onDone, captcha, calls = false, theme, className, style, headingLevel = 2 } = props;
  const { client, challenges, reason } = useSmsLogin();
  const locale = isChinese(props.locale) ? 'zh-CN' : 'en';
  const t = useMemo(() => ({ ...messagesFor(locale), ...props.messages }), [locale, props.messages]);
  const sent = challenges[purpose];
  // The user went back to the phone. The code that was sent is still accepted.
  const [isBack, setBack] = useState(false);
  const challenge = isBack ? undefined : sent;
  const [typed, setTyped] = useState<TypedNumber>();
  const wanted = useRef<string>(undefined);

  const send = useRequestCode({ purpose, reference, captcha, locale: props.locale ?? locale });
  const request = useAction(
    (phone?: string, channel?: CodeChannel) => {
      wanted.current = phone;
      return send(phone, channel);
    },
    () => setBack(false),
  );
  const confirm = useAction(
    (code: string) => CONFIRM[purpose](client, code) as Promise<Result<object>>,
    (payload) => onDone?.(payload as Payload<Purpose>),
  );

  const locked = [confirm, request].find(({ problem }) => problem?.code === 'REAUTHENTICATION_REQUIRED');
  if (locked) {
    const proceed = () => {
      locked.clear();
      // A code that the new phone already has can be used now.
      if (locked === request) void request.run(wanted.current);
    };
    return <ConfirmPhone {...props} key="reauthenticate" purpose="REAUTHENTICATE" onDone={proceed} />;
  }

  const Heading = `h${headingLevel}` as 'h2';
  const language = { t, locale };
  const notice = reason === 'ended' ? t.ended : reason === 'disabled' ? t.disabled : undefined;
  return (
    <section className={`sms-login ${className ?? ''}`} style={style} data-theme={theme} lang={locale}>
      {notice && !challenge && (
        <p className="sms-login-note" role="status">
          {notice}
        </p>
      )}
      <Heading className="sms-login-title">{challenge && purpose === 'LOGIN' ? t.codeTitle : t.title[purpose]}</Heading>
      {challenge ? (
        <>
          <CodeForm
            {...language}
            challenge={challenge}
            confirm={confirm}
            request={request}
            isAutomatic={purpose !== 'DELETE_ACCOUNT'}
            calls={calls}
            code={props.code}
          />
          {challenge.phone && (
            <button
              type="button"
              className="sms-login-link"
              onClick={() => {
                setBack(true);
                confirm.clear();
                request.clear();
              }}
            >
              {t.back}
            </button>
          )}
        </>
      ) : (
        <>
          <p className="sms-login-muted">{t.lead[purpose]}</p>
          <PhoneForm
            {...language}
            request={request}
            asksPhone={purpose !== 'REAUTHENTICATE' && purpose !== 'DELETE_ACCOUNT'}
            regions={props.regions}
            defaultRegion={props.defaultRegion}
            autoFocus={props.autoFocus ?? isBack}
            typed={typed}
            onChange={setTyped}
          />
          {sent && <Forward challenge={sent} t={t} onClick={() => setBack(false)} />}
        </>
      )}
    </section>
  );
}

export interface SignInProps extends FormProps {
  onSignedIn?: ((result: { user: User; isNewUser: boolean }) => void) | undefined;
}

/** The sign-in form. Import `sms-login/style.css` for its appearance. While a user is signed in, it shows nothing. */
export function SignIn({ onSignedIn, ...props }: SignInProps): ReactElement | null {
  const { status } = useSmsLogin();
  const isHidden = status !== 'signedOut';
  return isHidden ? null : <ConfirmPhone {...props} purpose="LOGIN" onDone={onSignedIn} />;
}
