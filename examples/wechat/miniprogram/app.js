const { createSmsLogin, wechat } = require('./sms-login.js');

// In production, https, and the domain in the console under 开发管理 > 服务器域名 > request 合法域名.
const url = 'http://127.0.0.1:8000/graphql';

App({ smsLogin: createSmsLogin(Object.assign({ url }, wechat(wx))) });
