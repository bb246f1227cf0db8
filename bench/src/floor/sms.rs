//! The call to Tencent Cloud SMS, signed by TC3-HMAC-SHA256.

use anyhow::{Context, Result, ensure};
use aws_lc_rs::{digest, hmac};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use serde_json::json;

pub(super) struct Sms {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    host: String,
}

impl Sms {
    pub(super) fn new(url: &str) -> Result<Self> {
        let host = url.strip_prefix("http://").context("an http address")?.to_owned();
        let client = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { client, url: url.to_owned(), host })
    }

    pub(super) async fn send(&self, phone: &str, code: &str) -> Result<()> {
        let body = json!({
            "PhoneNumberSet": [phone],
            "SmsSdkAppId": "1400000001",
            "TemplateId": "100001",
            "SignName": "bench",
            "TemplateParamSet": [code, "5"],
        });
        let body = body.to_string();
        let now = Timestamp::now();
        let request = Request::post(&self.url)
            .header("content-type", "application/json")
            .header("authorization", self.authorization(&body, now))
            .header("x-tc-action", "SendSms")
            .header("x-tc-version", "2021-01-11")
            .header("x-tc-timestamp", now.as_second())
            .header("x-tc-region", "ap-guangzhou")
            .body(Full::from(body))?;
        let answer = self.client.request(request).await?.into_body().collect().await?.to_bytes();
        let answer: serde_json::Value = serde_json::from_slice(&answer)?;
        ensure!(answer["Response"]["SendStatusSet"][0]["Code"] == "Ok", "the SMS was not sent");
        Ok(())
    }

    fn authorization(&self, body: &str, now: Timestamp) -> String {
        let date = now.strftime("%Y-%m-%d").to_string();
        let canonical = format!(
            "POST\n/\n\ncontent-type:application/json\nhost:{}\n\ncontent-type;host\n{}",
            self.host,
            sha256(body)
        );
        let to_sign = format!("TC3-HMAC-SHA256\n{}\n{date}/sms/tc3_request\n{}", now.as_second(), sha256(&canonical));
        let key = ["sms", "tc3_request"].iter().fold(mac(b"TC3bench-key", &date), |key, part| mac(key.as_ref(), part));
        let signature = hex(mac(key.as_ref(), &to_sign).as_ref());
        format!(
            "TC3-HMAC-SHA256 Credential=bench/{date}/sms/tc3_request, SignedHeaders=content-type;host, Signature={signature}"
        )
    }
}

fn mac(key: &[u8], message: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes())
}

fn sha256(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
