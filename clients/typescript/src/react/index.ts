// The hooks and components for React 18 and newer.
export { SmsLoginProvider, useAction, useDelivery, useSmsLogin, useTimeLeft, type Action } from './hooks.js';
export {
  useCodeForm,
  usePhoneForm,
  useRequestCode,
  type CodeFormOptions,
  type CodeFormState,
  type PhoneFormOptions,
  type PhoneFormState,
  type ShowCaptcha,
  type TypedNumber,
  type UseRequestCodeOptions,
} from './form-hooks.js';
export { CodeField, type CodeFieldProps } from './fields.js';
export { ConfirmPhone, SignIn, type ConfirmPhoneProps, type FormProps, type SignInProps } from './SignIn.js';
export { en, zh, type Messages } from './messages.js';
export { formatPhone, fullNumber, readDigits, regionChoices, type Region } from './regions.js';
export { explain, explainDelivery, formatWait, messagesFor } from './texts.js';
