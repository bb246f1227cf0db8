// Tencent Captcha. Its script is loaded only if the server requires a captcha; the server then allows it in its content
// security policy.
import type { CaptchaInput } from 'sms-login';

const SCRIPT = 'https://turing.captcha.qcloud.com/TJCaptcha.js';
const LOAD_MS = 10_000;
/** The result if the user closed the captcha. */
const CLOSED = 2;

interface Answer {
  /** 0 if the user has passed the captcha. */
  ret: number;
  ticket: string | null;
  randstr: string | null;
}

interface Options {
  userLanguage: string;
  enableDarkMode: boolean;
}

type TencentCaptcha = new (appId: string, onAnswer: (answer: Answer) => void, options: Options) => { show: () => void };

declare global {
  interface Window {
    TencentCaptcha?: TencentCaptcha;
  }
}

let loading: Promise<TencentCaptcha> | undefined;

/** Shows the captcha and returns its result; undefined if the user closes it. Rejects if it cannot be loaded. */
export async function showCaptcha(appId: string, language: string): Promise<CaptchaInput | undefined> {
  loading ??= load().catch((error: unknown) => {
    // The next request tries again.
    loading = undefined;
    throw error;
  });
  const Captcha = await loading;

  return new Promise((resolve, reject) => {
    const onAnswer = ({ ret, ticket, randstr }: Answer) => {
      if (ret === 0 && ticket && randstr) resolve({ ticket, randstr });
      else if (ret === CLOSED) resolve(undefined);
      else reject(new Error(`The captcha ended with ${ret}.`));
    };
    new Captcha(appId, onAnswer, { userLanguage: language.toLowerCase(), enableDarkMode: true }).show();
  });
}

function load(): Promise<TencentCaptcha> {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    const fail = () => {
      clearTimeout(timer);
      script.remove();
      reject(new Error('The script of the captcha could not be loaded.'));
    };
    const timer = setTimeout(fail, LOAD_MS);
    script.src = SCRIPT;
    script.onerror = fail;
    script.onload = () => {
      clearTimeout(timer);
      if (window.TencentCaptcha) resolve(window.TencentCaptcha);
      else fail();
    };
    document.head.append(script);
  });
}
