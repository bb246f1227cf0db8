// The page's language: the browser's, until the user chooses one.
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { type Messages as SmsMessages, messagesFor } from 'sms-login/react';
import { en, type Messages } from './en';
import { zh } from './zh';

export type Language = 'en' | 'zh';

const MESSAGES: Record<Language, Messages> = { en, zh };
const LOCALES: Record<Language, string> = { en: 'en', zh: 'zh-CN' };
const STORED = 'sms-login.language';

interface Translation {
  /** The texts of this page. */
  t: Messages;
  /** The texts of the package: fields, buttons and problems. */
  sms: SmsMessages;
  locale: string;
  /** The separator between two sentences. */
  gap: string;
  language: Language;
  setLanguage: (language: Language) => void;
}

const Context = createContext<Translation | undefined>(undefined);

export function preferredLanguage(stored: string | null, languages: readonly string[]): Language {
  if (stored === 'en' || stored === 'zh') return stored;
  const first = languages.find((language) => /^(en|zh)\b/i.test(language));
  return first?.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setState] = useState(() => preferredLanguage(localStorage.getItem(STORED), navigator.languages));
  useEffect(() => {
    document.documentElement.lang = LOCALES[language];
    document.title = `${MESSAGES[language].title} · sms-login`;
  }, [language]);
  const value = useMemo<Translation>(() => {
    const setLanguage = (next: Language) => {
      localStorage.setItem(STORED, next);
      setState(next);
    };
    return {
      t: MESSAGES[language],
      sms: messagesFor(language),
      locale: LOCALES[language],
      gap: language === 'zh' ? '' : ' ',
      language,
      setLanguage,
    };
  }, [language]);
  return <Context value={value}>{children}</Context>;
}

export function useLanguage(): Translation {
  const translation = useContext(Context);
  if (!translation) throw new Error('there is no LanguageProvider around');
  return translation;
}
