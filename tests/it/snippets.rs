//! The GraphQL, TypeScript and Python snippets of `docs`, executed unchanged.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::{LOGIN, SignedIn, Stores, TestApp, phone, wrong};
use crate::process::{Server, shared_env, stub};
use crate::processes::{ask, login};
use crate::tencent_stub::TencentStub;

/// Returns the documents' blocks of a language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let documents = concat!(include_str!("../../docs/sessions-and-tokens.md"), include_str!("../../docs/proofs.md"));
    let open = format!("```{language}\n");
    documents.split(open.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

#[tokio::test]
async fn the_graphql_of_the_documents_works() {
    let blocks = blocks("graphql");
    let [refresh, sessions, logout, profile, ask_change, change, delete, ask_proof, prove] = blocks[..] else {
        panic!("{} blocks", blocks.len())
    };
    let app = TestApp::start(Stores::Embedded).await;
    let user = app.signed_in().await;
    let refreshed = app.anonymous().run(refresh, json!({ "refreshToken": user.refresh_token })).await;
    let access_token = text(&refreshed.data("refreshSession")["accessToken"]);
    let user = SignedIn { access_token, ..user };

    app.advance(Duration::from_mins(1));
    let challenge_id = app.anonymous().ask(&user.phone).await;
    let input =
        json!({ "phone": user.phone, "code": app.code(&user.phone), "challengeId": challenge_id, "deviceName": "TV" });
    app.anonymous().run(LOGIN, json!({ "input": input })).await.data("login");
    let listed = user.run(sessions, json!({})).await.data("me")["sessions"].clone();
    assert_eq!(
        (&listed[0]["deviceName"], &listed[0]["current"], &listed[1]["current"]),
        (&json!("TV"), &json!(false), &json!(true))
    );
    let ended = user.run(logout, json!({ "sessionIds": [listed[0]["id"]] })).await;
    assert_eq!(ended.data("logout")["endedSessions"], 1);
    let named = user.run(profile, json!({})).await;
    assert_eq!(named.data("updateProfile")["user"]["name"], "王伟");

    let phone = phone();
    let asked = user.run(ask_change, json!({ "phone": phone })).await;
    let challenge_id = &asked.data("requestCode")["challengeId"];
    let changed =
        user.run(change, json!({ "phone": phone, "code": app.code(&phone), "challengeId": challenge_id })).await;
    assert_eq!(changed.data("changePhone")["user"]["phone"], phone);

    app.advance(Duration::from_mins(1));
    let challenge_id = user.ask_for("DELETE_ACCOUNT", &phone).await;
    let deleted = user.run(delete, json!({ "code": app.code(&phone), "challengeId": challenge_id })).await;
    assert_eq!(deleted.data("deleteAccount")["deletedUserId"], user.id);

    app.advance(Duration::from_mins(1));
    let asked = app.anonymous().run(ask_proof, json!({ "phone": phone })).await;
    let challenge_id = &asked.data("requestCode")["challengeId"];
    let shown = json!({ "phone": phone, "code": app.code(&phone), "challengeId": challenge_id });
    let proven = app.anonymous().run(prove, shown).await;
    assert!(text(&proven.data("verifyCode")["proof"]).starts_with("eyJ"));
}

#[tokio::test]
async fn the_mutation_of_the_errors_document_selects_a_problem() {
    let document = include_str!("../../docs/errors.md");
    let login = document.split("```graphql\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    let app = TestApp::start(Stores::Embedded).await;
    let phone = phone();
    let challenge_id = app.anonymous().ask(&phone).await;
    let variables = json!({ "phone": phone, "code": wrong(&app.code(&phone)), "challengeId": challenge_id });

    let answer = app.anonymous().run(login, variables).await;
    let problem = &answer.body["data"]["login"];
    assert_eq!(
        (&problem["__typename"], &problem["code"], &problem["attemptsRemaining"]),
        (&json!("Problem"), &json!("CODE_INCORRECT"), &json!(2))
    );
}

#[tokio::test]
async fn the_mutation_of_the_codes_document_resends_and_repeats() {
    let document = include_str!("../../docs/codes.md");
    let request = document.split("```graphql\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    let app = TestApp::start(Stores::Embedded).await;
    let phone = phone();
    let ask = async |input: Value| {
        let answer = app.anonymous().run(request, json!({ "input": input })).await;
        let payload = answer.data("requestCode");
        assert_eq!(payload["codeLength"], 6);
        text(&payload["challengeId"])
    };

    let input = json!({ "phone": phone, "idempotencyKey": "a key for one request" });
    let first = ask(input.clone()).await;
    let late = app.code(&phone);
    assert_eq!(ask(input).await, first);
    assert_eq!(app.sms.messages().len(), 1);

    app.advance(Duration::from_mins(1));
    let second = ask(json!({ "phone": phone, "resendOf": first })).await;
    assert_ne!(second, first);
    let input = json!({ "phone": phone, "code": late, "challengeId": second });
    app.anonymous().run(LOGIN, json!({ "input": input })).await.data("login");
}

/// Returns a proof for a phone, with the `request` of the documents.
async fn proof(server: &Server, sms: &TencentStub, phone: &str, request: &str) -> String {
    let asked = server.run(None, request, json!({ "phone": phone })).await;
    let challenge_id = &asked["data"]["requestCode"]["challengeId"];
    let shown = json!({ "phone": phone, "code": sms.last_code_for(phone), "challengeId": challenge_id });
    let proven = server.run(None, blocks("graphql")[8], shown).await;
    text(&proven["data"]["verifyCode"]["proof"])
}

/// A token to check, and a word of the answer that the snippet of each language must return.
struct Case {
    proof: String,
    reference: &'static str,
    answers: [String; 2],
}

/// Returns a valid proof, and tokens that must not be accepted as one.
async fn cases(server: &Server, sms: &TencentStub, own_key: &str) -> Vec<Case> {
    let (one, two, three) = (phone(), phone(), phone());
    let good = proof(server, sms, &one, blocks("graphql")[7]).await;
    let unbound = "mutation ($phone: PhoneNumber!) { requestCode(input: { phone: $phone, purpose: VERIFY }) { ... on RequestCodePayload { challengeId } ...P } }";
    let unbound = proof(server, sms, &two, unbound).await;
    let challenge_id = ask(server, &three).await;
    let signed_in = login(server, &three, &sms.last_code_for(&three).expect("a code"), &challenge_id).await;
    let access_token = text(&signed_in["data"]["login"]["accessToken"]);

    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(&good).expect("a JWT").claims;
    let kid = jsonwebtoken::decode_header(&good).expect("a header").kid.expect("a kid");
    let own_key = EncodingKey::from_ed_pem(own_key.as_bytes()).expect("a key");
    let other_key =
        sms_login::tokens::keys::generate(sms_login::tokens::keys::SigningAlgorithm::EdDsa).expect("a key").private_pem;
    let other_key = EncodingKey::from_ed_pem(other_key.as_bytes()).expect("a key");
    let jwks: Value = serde_json::from_str(&server.get("/.well-known/jwks.json").await.1).expect("JSON");

    let public = URL_SAFE_NO_PAD.decode(text(&jwks["keys"][0]["x"])).expect("base64url");
    let public = EncodingKey::from_secret(&public);
    let made = |algorithm, kid: &str, claim: Option<(&str, Value)>, key: &EncodingKey| {
        let mut claims = claims.clone();
        if let Some((name, value)) = claim {
            claims[name] = value;
        }
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) };
        jsonwebtoken::encode(&header, &claims, key).expect("a token")
    };
    let now = claims["iat"].as_i64().expect("a time");
    let case = |proof: String, answers: [&str; 2]| Case {
        proof,
        reference: "transfer:9981",
        answers: answers.map(str::to_owned),
    };
    vec![
        case(good.clone(), [&one, &one]),
        case(made(Algorithm::EdDSA, &kid, None, &own_key), [&one, &one]),
        Case { reference: "transfer:9982", ..case(good, ["something else"; 2]) },
        case(unbound, ["\"reference\" claim"; 2]),
        case(access_token, ["\"reference\" claim"; 2]),
        case(made(Algorithm::EdDSA, &kid, Some(("aud", json!("sms-login"))), &own_key), ["\"aud\" claim", "Audience"]),
        case(made(Algorithm::EdDSA, &kid, Some(("iss", json!("other"))), &own_key), ["\"iss\" claim", "issuer"]),
        case(made(Algorithm::EdDSA, &kid, Some(("exp", json!(now - 1))), &own_key), ["\"exp\" claim", "expired"]),
        case(made(Algorithm::EdDSA, &kid, None, &other_key), ["signature", "Signature"]),
        case(made(Algorithm::EdDSA, "other", None, &other_key), ["no applicable key", "signing key"]),
        case(made(Algorithm::HS256, &kid, None, &public), ["\"alg\"", "alg"]),
    ]
}

/// Runs a snippet on the cases, and returns its line for each.
fn answers(program: &str, check: &str, snippet: (&str, String), cases: &[Case]) -> Vec<String> {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients");
    let program = clients.join(program);
    assert!(program.exists(), "the snippets' libraries are missing: scripts/setup-tests installs them");
    let folder = TempDir::new_in(&clients).expect("a folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(check);
    std::fs::copy(source, folder.path().join(check)).expect("a copy");
    std::fs::write(folder.path().join(snippet.0), snippet.1).expect("a file");
    let mut run = Command::new(program)
        .arg(check)
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let shown: Vec<_> = cases.iter().map(|case| json!([case.proof, case.reference])).collect();
    write!(run.stdin.take().expect("standard input"), "{}", json!(shown)).expect("the cases are read");
    let output = run.wait_with_output().expect("an end");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_snippets_for_other_services_check_proofs() {
    let (sms, data) = (stub().await, TempDir::new().expect("a folder"));
    let mut env = shared_env("", "", &sms);
    env.retain(|name, _| !["DATABASE_URL", "REDIS_URL"].contains(&name.as_str()));
    env.insert("DATA_DIR".to_owned(), data.path().to_str().expect("a path").to_owned());
    let server = Server::start(&env);
    let cases = cases(&server, &sms, &env["JWT_SIGNING_KEY"]).await;
    let snippet = |language: &str| {
        let [block] = blocks(language)[..] else { panic!("one block of {language}") };
        assert!(block.contains("http://localhost:8000/"));
        block.replace("http://localhost:8000", &server.base)
    };
    let typescript = answers("node_modules/.bin/tsx", "check.ts", ("snippet.ts", snippet("ts")), &cases);
    let python = answers("python/bin/python", "check.py", ("snippet.py", snippet("python")), &cases);
    for (language, answers) in [typescript, python].iter().enumerate() {
        assert_eq!(answers.len(), cases.len(), "{answers:?}");
        for (answer, case) in answers.iter().zip(&cases) {
            let expected = &case.answers[language];
            assert_eq!(answer.starts_with("refused: "), !expected.starts_with('+'), "{answer}");
            assert!(answer.contains(expected.as_str()), "{answer}, not {expected}");
        }
    }
}
