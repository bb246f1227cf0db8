// Signs in: phone, code, profile, refresh, sign-out.
const { smsLogin } = getApp();

/** The text for each problem that users can do something about. */
const TEXTS = {
  INVALID_PHONE: '请输入正确的手机号。',
  CODE_EXPIRED: '验证码已失效，请重新获取。',
  REGION_NOT_ALLOWED: '暂不支持该地区的手机号。',
  NUMBER_BLOCKED: '该号码无法接收短信，请更换号码。',
  ACCOUNT_DISABLED: '该账户已被停用。',
  NETWORK: '网络异常，请稍后再试。',
};

function explain({ code, attemptsRemaining, retryAt }) {
  if (code === 'CODE_INCORRECT') return `验证码错误，还可以尝试 ${attemptsRemaining} 次。`;
  if (code === 'RATE_LIMITED') return `操作太频繁，请在 ${secondsUntil(retryAt)} 秒后再试。`;
  return TEXTS[code] || `出错了，请稍后再试。（${code}）`;
}

/** Times of the client are on the device's clock. */
const secondsUntil = (time) => Math.max(0, Math.ceil((time - Date.now()) / 1000));

Page({
  data: { status: 'starting', user: null, phone: '', code: '', codeLength: 0, wait: 0, refreshes: 0, busy: false, problem: '' },

  onLoad() {
    this.unsubscribe = smsLogin.subscribe(() => this.show());
    this.timer = setInterval(() => this.show(), 1000);
    this.show();
  },

  onUnload() {
    this.unsubscribe();
    clearInterval(this.timer);
  },

  /** Shows the client's state. A code that was requested is still there when the mini program starts again. */
  show() {
    const { status, user, challenges } = smsLogin.state;
    const challenge = challenges.LOGIN;
    this.setData({
      status,
      user: user || null,
      phone: challenge ? challenge.phone : this.data.phone,
      codeLength: challenge ? challenge.codeLength : 0,
      wait: challenge ? secondsUntil(challenge.resendAt) : 0,
    });
  },

  /** Runs an operation of the client. It never throws; a problem is a part of its result. */
  async run(operation) {
    this.setData({ busy: true, problem: '' });
    const result = await operation();
    this.setData({ busy: false, problem: result.ok ? '' : explain(result.problem) });
    return result.ok;
  },

  onPhone({ detail }) {
    this.setData({ phone: detail.value });
  },

  onCode({ detail }) {
    this.setData({ code: detail.value });
  },

  sendCode() {
    return this.run(() => smsLogin.requestCode({ phone: this.data.phone }));
  },

  async signIn() {
    await this.run(() => smsLogin.login({ code: this.data.code }));
    this.setData({ code: '' });
  },

  startAgain() {
    smsLogin.forgetCode();
  },

  async refresh() {
    // The client refreshes the session by itself. The button is here to see it.
    const isDone = (await this.run(() => smsLogin.refresh())) && (await this.run(() => smsLogin.me()));
    if (isDone) this.setData({ refreshes: this.data.refreshes + 1 });
  },

  signOut() {
    return this.run(() => smsLogin.logout());
  },
});
