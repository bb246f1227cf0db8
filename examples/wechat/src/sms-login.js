// What the mini program uses of the package. `npm run build` makes one file of it, for every version of WeChat.
export { createSmsLogin } from 'sms-login';
export { wechat } from 'sms-login/wechat';
