// Small functions, without a server.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { buildSchema, type GraphQLEnumType } from 'graphql';
import { browserName, type ProblemCode } from 'sms-login';
import { en, explain, formatPhone, formatWait, fullNumber, readDigits, regionChoices, zh } from 'sms-login/react';
import { root } from './support/paths.js';

describe('phones and codes', () => {
  test('a typed number becomes the number to send', () => {
    const [china] = regionChoices(['CN'], 'CN');
    assert.equal(fullNumber('137 1111-2222', china), '+8613711112222');
    assert.equal(fullNumber('１３７１１１１２２２２', china), '+8613711112222');
    assert.equal(fullNumber(' +852 5123 4567', china), '+852 5123 4567');
    assert.equal(fullNumber('13711112222', undefined), '13711112222');
  });

  test('a number is formatted in groups', () => {
    assert.equal(formatPhone('+8613711112222'), '+86\u00a0137\u00a01111\u00a02222');
    assert.equal(formatPhone('+85251234567'), '+852\u00a051234567');
    assert.equal(formatPhone('13711112222'), '13711112222');
  });

  test('the default region comes first, and only allowed regions are listed', () => {
    assert.deepEqual(regionChoices(['CN', 'HK'], 'HK').map(({ code }) => code), ['HK', 'CN']);
    assert.equal(regionChoices().length, 39);
    assert.deepEqual(regionChoices(['CN']), [{ code: 'CN', calling: '86', example: '137 1111 2222' }]);
  });

  test('a code is read from any pasted text', () => {
    assert.equal(readDigits('123 456 is your code', 6), '123456');
    assert.equal(readDigits('１２３４５６', 6), '123456');
    assert.equal(readDigits('12345678', 6), '123456');
    assert.equal(readDigits('12345678', 8), '12345678');
  });

  test('devices are named after browser and system', () => {
    const safari = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1';
    assert.equal(browserName(safari), 'Safari, iPhone');
    const edge = 'Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0';
    assert.equal(browserName(edge), 'Edge, Windows');
    assert.equal(browserName(''), 'Browser');
  });
});

describe('sentences', () => {
  test('waits are formatted in their two largest units', () => {
    assert.equal(formatWait(29_001, 'en'), '30 seconds');
    assert.equal(formatWait(61_000, 'en'), '1 minute 1 second');
    assert.equal(formatWait(3_600_000, 'en'), '1 hour');
    assert.equal(formatWait(29_001, 'zh-CN'), '30秒');
  });

  test('every error code has one in both languages', () => {
    const schema = buildSchema(readFileSync(join(root, '../../schema.graphql'), 'utf8'));
    const codes = (schema.getType('ErrorCode') as GraphQLEnumType).getValues().map(({ name }) => name as ProblemCode);
    for (const messages of [en, zh]) {
      for (const code of [...codes, 'NETWORK', 'UNKNOWN', 'CAPTCHA_CLOSED'] as const) {
        assert.match(explain({ code, message: '' }, messages), /[.。]$/, code);
      }
    }
  });

  test('they are as exact as the problem', () => {
    const told = (problem: object, regions?: string) => explain({ code: 'UNKNOWN', message: '', ...problem }, en, regions);
    assert.equal(told({ code: 'REGION_NOT_ALLOWED' }, 'China'), 'Codes are not sent to this region. They are sent to: China.');
    assert.equal(told({ code: 'BAD_INPUT', field: 'input.code' }), 'Enter all digits of the code.');
    assert.equal(told({ code: 'BAD_INPUT', field: 'input.name' }), en.problems.BAD_INPUT);
    assert.equal(told({ code: 'RATE_LIMITED', limit: 'COOLDOWN' }), 'A code was sent a moment ago.');
    assert.equal(told({ code: 'RATE_LIMITED', limit: 'IP_DAILY' }), 'Too many requests.');
    assert.equal(told({ code: 'CODE_INCORRECT', attemptsRemaining: 1 }), 'The code is wrong. You have one attempt left.');
    assert.equal(told({ code: 'A_NEW_CODE' }), en.problems.UNKNOWN);
  });

  test('the package does not compile without one for a new error code', async () => {
    // Inside this folder, so that the copy finds the libraries.
    const folder = mkdtempSync(join(root, 'build/exhaustive-'));
    try {
      cpSync(join(root, 'src'), join(folder, 'src'), { recursive: true });
      cpSync(join(root, 'tsconfig.json'), join(folder, 'tsconfig.json'));
      const compile = () => promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['--noEmit', '--project', folder]);
      const types = join(folder, 'src/generated/schema.ts');
      const text = readFileSync(types, 'utf8');
      const changed = text.replace(/(export type ErrorCode =\n)/, "$1  | 'NEW_CODE'\n");
      assert.notEqual(changed, text);
      writeFileSync(types, changed);
      const failure = await compile().catch((error: { stdout: string }) => error);
      assert.match(String(failure.stdout), /messages\.ts.*NEW_CODE/s);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
