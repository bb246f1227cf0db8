// Tencent Captcha. Its script is loaded only if the server requires a captcha; the server then allows it in its content
// security policy.

const SCRIPT = 'https://turing.captcha.qcloud.com/TJCaptcha.js';
const LOAD_MS = 10_000;

export interface CaptchaResult {
  ticket: string;
  randstr: string;
}

/** A captcha that the user closed, or that could not be loaded. */
export class CaptchaError extends Error {
  constructor(readonly code: 'CAPTCHA_CLOSED' | 'CAPTCHA_UNAVAILABLE') {
    super(code);
  }
}

interface Answer {
  /** 0 if the user has passed the captcha, 2 if the user closed it. */
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

/** Shows the captcha and returns its result. Throws a `CaptchaError`. */
export async function solveCaptcha(appId: string, language: string): Promise<CaptchaResult> {
  loading ??= load().catch((error: unknown) => {
    // The next request tries again.
    loading = undefined;
    throw error;
  });
  const Captcha = await loading;

  return new Promise((resolve, reject) => {
    const onAnswer = ({ ret, ticket, randstr }: Answer) => {
      if (ret === 0 && ticket && randstr) resolve({ ticket, randstr });
      else reject(new CaptchaError(ret === 2 ? 'CAPTCHA_CLOSED' : 'CAPTCHA_UNAVAILABLE'));
    };
    try {
      new Captcha(appId, onAnswer, { userLanguage: language.toLowerCase(), enableDarkMode: true }).show();
    } catch {
      reject(new CaptchaError('CAPTCHA_UNAVAILABLE'));
    }
  });
}

function load(): Promise<TencentCaptcha> {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    const fail = () => {
      clearTimeout(timer);
      script.remove();
      reject(new CaptchaError('CAPTCHA_UNAVAILABLE'));
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
