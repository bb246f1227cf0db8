// The texts of the forms. An app can replace each of them.
import type { CodePurpose, ProblemCode, RateLimit } from '../types.js';

export interface Messages {
  title: Record<CodePurpose, string>;
  lead: Record<CodePurpose, string>;
  confirm: Record<CodePurpose, string>;
  region: string;
  number: string;
  send: string;
  sendIn: (time: string) => string;
  codeTitle: string;
  sentTo: (phone: string) => string;
  sentToYou: string;
  code: (digits: number) => string;
  resend: string;
  resendIn: (time: string) => string;
  resent: string;
  call: string;
  calling: string;
  left: (count: number) => string;
  back: string;
  forward: (phone: string) => string;
  underWay: string;
  delivered: string;
  failed: (reason: string) => string;
  noReceipt: string;
  ended: string;
  disabled: string;
  wait: (time: string) => string;
  retry: string;
  request: (id: string) => string;
  codeIncorrect: (left: number) => string;
  numberEmpty: string;
  numberTooLong: (digits: number, limit: number) => string;
  codeLength: (typed: number, length: number) => string;
  /** Follows the sentence about a region that receives no codes. */
  allowedRegions: (regions: string) => string;
  limits: Partial<Record<RateLimit, string>>;
  /** What is wrong with an argument, by its path. */
  fields: Partial<Record<string, string>>;
  problems: Record<ProblemCode, string>;
}

export const en: Messages = {
  title: {
    LOGIN: 'Sign in',
    VERIFY: 'Confirm your phone',
    REAUTHENTICATE: 'Confirm it’s you',
    CHANGE_PHONE: 'Change phone',
    DELETE_ACCOUNT: 'Delete account',
  },
  lead: {
    LOGIN: 'Enter your phone number and we’ll text you a code.',
    VERIFY: 'Enter your phone number and we’ll text you a code.',
    REAUTHENTICATE: 'You signed in a while ago. We’ll text a code to your phone.',
    CHANGE_PHONE: 'We’ll text a code to the new number.',
    DELETE_ACCOUNT: 'This cannot be undone. We’ll text a code to your phone.',
  },
  confirm: {
    LOGIN: 'Continue',
    VERIFY: 'Confirm',
    REAUTHENTICATE: 'Confirm',
    CHANGE_PHONE: 'Change phone',
    DELETE_ACCOUNT: 'Delete my account',
  },
  region: 'Region',
  number: 'Phone number',
  send: 'Send code',
  sendIn: (time) => `Send code in ${time}`,
  codeTitle: 'Enter the code',
  sentTo: (phone) => `We sent a code to ${phone}.`,
  sentToYou: 'We sent a code to your phone.',
  code: (digits) => `${digits}-digit code`,
  resend: 'Send a new code',
  resendIn: (time) => `New code in ${time}`,
  resent: 'A new code is on its way.',
  call: 'Call me instead',
  calling: 'We are calling you. A voice reads the code aloud.',
  left: (count) =>
    count === 0
      ? 'No more codes can be sent to this number today.'
      : count === 1
        ? 'One more code can be sent today.'
        : `${count} more codes can be sent today.`,
  back: 'Use another number',
  forward: (phone) => `Enter the code that was sent to ${phone}`,
  underWay: 'The message is on its way.',
  delivered: 'The message was delivered.',
  failed: (reason) => `The message could not be delivered. ${reason} Check the number, or request a new code.`,
  noReceipt: 'There is no receipt for the message.',
  ended: 'You were signed out: this session has ended.',
  disabled: 'This account is disabled.',
  wait: (time) => `Wait ${time}.`,
  retry: 'You can try again now.',
  request: (id) => `Reference: ${id}`,
  codeIncorrect: (left) =>
    left === 0
      ? 'The code is wrong, and that was the last attempt. Request a new one.'
      : left === 1
        ? 'The code is wrong. You have one attempt left.'
        : `The code is wrong. You have ${left} attempts left.`,
  numberEmpty: 'Enter a phone number.',
  numberTooLong: (digits, limit) => `This number has ${digits} digits, with its calling code. A phone number has at most ${limit}.`,
  codeLength: (typed, length) => (typed === 0 ? 'Enter the code.' : `The code has ${length} digits. You entered ${typed}.`),
  allowedRegions: (regions) => ` They are sent to: ${regions}.`,
  limits: {
    COOLDOWN: 'A code was sent a moment ago.',
    PHONE_DAILY: 'No more codes can be sent to this number today.',
    FAILED_ATTEMPTS: 'There were too many wrong codes.',
  },
  fields: {
    'input.code': 'Enter all digits of the code.',
    'input.phone': 'This is not a mobile phone number. Check the region and the digits.',
  },
  problems: {
    BAD_INPUT: 'Something you entered has the wrong format.',
    INVALID_PHONE: 'This is not a mobile phone number. Check the region and the digits.',
    SMS_SEND_FAILED: 'The message could not be sent. Request a new code in a moment.',
    TOKEN_INVALID: 'Your session has ended. Sign in again.',
    TOKEN_EXPIRED: 'Your session has expired. Sign in again.',
    UNAUTHENTICATED: 'Sign in first.',
    REAUTHENTICATION_REQUIRED: 'You signed in a while ago. Confirm your phone number first.',
    CODE_EXPIRED: 'This code is no longer valid. Request a new one.',
    CODE_INCORRECT: 'The code is wrong.',
    CHALLENGE_MISMATCH: 'This code was sent for something else. Request a new one.',
    SIGNUP_FAILED: 'Your sign-in could not be stored. Try again with the same code.',
    PHONE_TAKEN: 'Someone else already uses this number.',
    ACCOUNT_DISABLED: 'This account is disabled.',
    RATE_LIMITED: 'Too many requests.',
    CAPTCHA_REQUIRED: 'Solve the captcha first.',
    CAPTCHA_FAILED: 'The captcha was not passed. Try again.',
    CAPTCHA_CLOSED: 'You closed the captcha. Try again to solve it.',
    CAPTCHA_UNAVAILABLE: 'The captcha could not be loaded. Check your connection and try again.',
    REGION_NOT_ALLOWED: 'Codes are not sent to this region.',
    NUMBER_BLOCKED: 'This number cannot receive our messages. Try another one.',
    QUERY_TOO_COMPLEX: 'Something went wrong. Try again later.',
    UNAVAILABLE: 'The service is not available at the moment. Nothing is lost: try again.',
    INTERNAL: 'Something went wrong. Try again later.',
    UNKNOWN: 'Something went wrong. Try again later.',
    NETWORK: 'The server cannot be reached. Check your connection and try again.',
  },
};

export const zh: Messages = {
  title: {
    LOGIN: '登录',
    VERIFY: '验证手机号',
    REAUTHENTICATE: '确认身份',
    CHANGE_PHONE: '更换手机号',
    DELETE_ACCOUNT: '注销账户',
  },
  lead: {
    LOGIN: '输入手机号，我们会发送短信验证码。',
    VERIFY: '输入手机号，我们会发送短信验证码。',
    REAUTHENTICATE: '距上次登录已有一段时间，验证码会发送至您的手机。',
    CHANGE_PHONE: '验证码会发送到新手机号。',
    DELETE_ACCOUNT: '注销后无法恢复，验证码会发送至您的手机。',
  },
  confirm: {
    LOGIN: '继续',
    VERIFY: '确认',
    REAUTHENTICATE: '确认',
    CHANGE_PHONE: '更换手机号',
    DELETE_ACCOUNT: '注销我的账户',
  },
  region: '地区',
  number: '手机号',
  send: '获取验证码',
  sendIn: (time) => `${time}后可获取`,
  codeTitle: '输入验证码',
  sentTo: (phone) => `验证码已发送至 ${phone}。`,
  sentToYou: '验证码已发送至您的手机。',
  code: (digits) => `${digits} 位验证码`,
  resend: '重新获取验证码',
  resendIn: (time) => `${time}后可重新获取`,
  resent: '新的验证码已发送。',
  call: '改用语音电话',
  calling: '正在拨打电话，语音将播报验证码。',
  left: (count) => (count === 0 ? '该号码今天的获取次数已用完。' : `今天还可以获取 ${count} 次。`),
  back: '换个手机号',
  forward: (phone) => `输入已发送至 ${phone} 的验证码`,
  underWay: '短信正在发送途中。',
  delivered: '短信已送达。',
  // The reason is in English.
  failed: () => '短信未能送达。请检查号码，或重新获取验证码。',
  noReceipt: '未收到短信的送达回执。',
  ended: '您已下线：本次登录已结束。',
  disabled: '该账户已被停用。',
  wait: (time) => `请等待 ${time}。`,
  retry: '现在可以重试了。',
  request: (id) => `编号：${id}`,
  codeIncorrect: (left) =>
    left === 0 ? '验证码错误，次数已用完，请重新获取。' : `验证码错误，还可以尝试 ${left} 次。`,
  numberEmpty: '请输入手机号。',
  numberTooLong: (digits, limit) => `该号码连同国际区号有 ${digits} 位，最多 ${limit} 位。`,
  codeLength: (typed, length) => (typed === 0 ? '请输入验证码。' : `验证码有 ${length} 位，您输入了 ${typed} 位。`),
  allowedRegions: (regions) => `支持的地区：${regions}。`,
  limits: {
    COOLDOWN: '验证码刚刚发送过。',
    PHONE_DAILY: '该号码今天的获取次数已用完。',
    FAILED_ATTEMPTS: '验证码错误次数过多。',
  },
  fields: {
    'input.code': '请输入完整的验证码。',
    'input.phone': '这不是有效的手机号，请检查地区和号码。',
  },
  problems: {
    BAD_INPUT: '输入的内容格式不正确。',
    INVALID_PHONE: '这不是有效的手机号，请检查地区和号码。',
    SMS_SEND_FAILED: '短信发送失败，请稍后重新获取验证码。',
    TOKEN_INVALID: '登录已结束，请重新登录。',
    TOKEN_EXPIRED: '登录已过期，请重新登录。',
    UNAUTHENTICATED: '请先登录。',
    REAUTHENTICATION_REQUIRED: '距上次登录已有一段时间，请先验证当前手机号。',
    CODE_EXPIRED: '验证码已失效，请重新获取。',
    CODE_INCORRECT: '验证码错误。',
    CHALLENGE_MISMATCH: '验证码与本次操作不符，请重新获取。',
    SIGNUP_FAILED: '登录信息保存失败，请用同一验证码重试。',
    PHONE_TAKEN: '该手机号已被其他账户使用。',
    ACCOUNT_DISABLED: '该账户已被停用。',
    RATE_LIMITED: '请求过于频繁。',
    CAPTCHA_REQUIRED: '请先完成图形验证。',
    CAPTCHA_FAILED: '图形验证未通过，请重试。',
    CAPTCHA_CLOSED: '您关闭了图形验证，请重试并完成验证。',
    CAPTCHA_UNAVAILABLE: '图形验证加载失败，请检查网络后重试。',
    REGION_NOT_ALLOWED: '暂不支持向该地区发送验证码。',
    NUMBER_BLOCKED: '该号码无法接收我们的短信，请换一个号码。',
    QUERY_TOO_COMPLEX: '出错了，请稍后再试。',
    UNAVAILABLE: '服务暂时不可用，已有的内容不会丢失，请重试。',
    INTERNAL: '出错了，请稍后再试。',
    UNKNOWN: '出错了，请稍后再试。',
    NETWORK: '无法连接服务器，请检查网络后重试。',
  },
};
