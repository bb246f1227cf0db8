import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { SmsLoginProvider } from 'sms-login/react';
import { App } from './App';
import { client } from './client';
import { LanguageProvider } from './i18n';
import './styles.css';

const root = document.getElementById('root');
if (!root) throw new Error('the page has no #root');

createRoot(root).render(
  <StrictMode>
    <SmsLoginProvider client={client}>
      <LanguageProvider>
        <App />
      </LanguageProvider>
    </SmsLoginProvider>
  </StrictMode>,
);
