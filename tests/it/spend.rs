//! The counts of messages: printed by `sms-login spend`, kept across a restart, and in the metrics.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sms_login::config::Config;
use sms_login::database::Database;
use sms_login::deliveries::store::{DeliveryStore, Event, MemoryDeliveryStore, Parcel};
use sms_login::price::Price;
use sms_login::purpose::Purpose;
use sms_login::spend::table::SpendTable;
use sms_login::spend::{Count, SpendCounts};
use tokio::task::JoinSet;

use crate::app::{Stores, TestApp, phone, settings};
use crate::process;
use crate::servers;
use crate::tencent_stub::{self as stub, Behaviour};

fn route(price: &str) -> String {
    let (id, sign, template) = (stub::SDK_APP_ID, stub::SIGN_NAME, stub::LOGIN_TEMPLATE);
    format!(
        "[[route]]\nname = 'main'\nprovider = 'tencent'\n{price}\nsdk_app_id = '{id}'\nsign_name = '{sign}'\n\
         templates.default = '{template}'\n"
    )
}

/// A server whose only route has a price, and a message that is used, one that is not, and one that is refused.
async fn app(stores: Stores) -> TestApp {
    let app = TestApp::on(stores).routes(route("price = 0.045")).start().await;
    app.signed_in().await;
    app.anonymous().ask(&phone()).await;
    app.sms.set(Behaviour::Error("InternalError.OtherError".to_owned()));
    assert_eq!(app.anonymous().try_ask(&phone()).await.code(), "SMS_SEND_FAILED");
    app.deliveries.finish().await;
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_prints_the_counts_as_a_table_and_as_csv() {
    for stores in Stores::BOTH {
        let app = app(stores).await;
        let csv = process::run(&["spend", "--days", "400", "--csv"], &app.env);
        let expected = "day,route,region,purpose,accepted,delivered,failed,used,refunded,unconfirmed,conversion_percent,price\n\
                        2026-03-01,main,CN,LOGIN,2,0,0,1,1,0,50.0,0.09\n";
        assert_eq!((csv.out.as_str(), csv.err.as_str()), (expected, ""));

        let table = process::run(&["spend", "--days", "400"], &app.env).out;
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines.len(), 3, "{table}");
        assert_eq!(lines[1][..4], ["2026-03-01", "main", "CN", "LOGIN"]);
        assert_eq!(lines[1][4..], ["2", "0", "0", "1", "1", "0", "50.0", "0.09"]);
        assert_eq!(lines[2], [&["total"], &lines[1][4..]].concat());

        let today = process::run(&["spend", "--days", "1", "--csv"], &app.env).out;
        assert_eq!(today.lines().count(), 1, "nothing was sent today: {today}");
        assert!(!process::run(&["spend", "--days", "0"], &app.env).status.success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_in_sql_survive_a_restart_and_are_added_to_by_several_servers() {
    let parcel = || Parcel { route: "r".to_owned(), region: "CN".to_owned(), purpose: Purpose::Verify, day: 7 };
    let folder = tempfile::TempDir::new().expect("a folder");
    let sqlite = format!("sqlite://{}", folder.path().join("test.db").display());
    for url in [sqlite, servers::mariadb().create_database()] {
        let database = Database::open(&url).await.expect("a database");
        database.migrate().await.expect("migrated");
        let server = || MemoryDeliveryStore::default().with_table(SpendTable::new(database.clone()));

        let mut servers = JoinSet::new();
        for _ in 0..8 {
            let server = server();
            servers.spawn(async move {
                let unconfirmed = Event::Unconfirmed { parcel: parcel(), cost: Price::from_millionths(5) };
                server.record(&[unconfirmed, Event::Refunded(parcel())]).await.expect("recorded");
            });
        }
        servers.join_all().await;

        let mut expected = SpendCounts::default();
        for (count, number) in [(Count::Unconfirmed, 8), (Count::Refunded, 8), (Count::Price, 40)] {
            expected.add(count, number);
        }
        let rows = server().spend(7, 7).await.expect("counts");
        assert_eq!(rows.iter().map(|row| (row.parcel.clone(), row.counts)).collect::<Vec<_>>(), [(parcel(), expected)]);
        assert!(server().spend(8, 9).await.expect("counts").is_empty());
    }
}

#[tokio::test]
async fn counts_that_the_database_rejects_are_written_later() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let database = Database::open_file(&folder.path().join("test.db")).await.expect("a database");
    let store: Arc<dyn DeliveryStore> =
        Arc::new(MemoryDeliveryStore::default().with_table(SpendTable::new(database.clone())));
    let parcel = Parcel { route: "r".to_owned(), region: "CN".to_owned(), purpose: Purpose::Login, day: 7 };
    let counted = store.record(&[Event::Refunded(parcel.clone())]).await.expect("recorded in memory");
    assert_eq!(counted.len(), 1, "metrics have it at once");
    assert!(store.spend(7, 7).await.is_err(), "there is no table yet");
    database.migrate().await.expect("migrated");
    store.record(&[Event::Refunded(parcel)]).await.expect("recorded");
    let rows = store.spend(7, 7).await.expect("counts");
    assert_eq!(json!(rows.iter().map(|row| row.counts.get(Count::Refunded)).collect::<Vec<_>>()), json!([2]));
}

#[tokio::test]
async fn past_the_ceiling_of_the_day_no_message_is_sent() {
    for stores in Stores::BOTH {
        let builder = TestApp::on(stores).routes(route("price = 0.045")).set("SPEND_DAILY", "0.1");
        let test_number = "+8613800000000";
        let builder =
            builder.set("TEST_NUMBERS", format!("{test_number}=246802")).set("TEST_NUMBERS_UNTIL", "2999-12-31");
        let app = builder.start().await;
        app.anonymous().ask(&phone()).await;
        app.sms.set(Behaviour::Error("InternalError.OtherError".to_owned()));
        assert_eq!(app.anonymous().try_ask(&phone()).await.code(), "SMS_SEND_FAILED");
        app.sms.set(Behaviour::Accept);
        app.anonymous().ask(&phone()).await;

        let limited = app.anonymous().try_ask(&phone()).await;
        assert_eq!((limited.code(), &limited.extensions()["limit"]), ("RATE_LIMITED", &json!("SPEND_DAILY")));
        assert_eq!(limited.extensions()["retryAt"], "2026-03-01T16:00:00Z", "the day ends at +08:00");
        app.anonymous().ask(test_number).await;

        app.advance(Duration::from_hours(12));
        app.anonymous().ask(&phone()).await;
    }
}

#[test]
fn a_ceiling_that_no_price_can_reach_is_refused() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("routes.toml");
    let key = [("TENCENTCLOUD_SECRET_ID", stub::SECRET_ID), ("TENCENTCLOUD_SECRET_KEY", stub::SECRET_KEY)];
    for (price, refusal) in [("", Some("SPEND_DAILY: set, but no message route has a price")), ("price = 0.045", None)]
    {
        std::fs::write(&file, route(price)).expect("a file");
        let set = [("SPEND_DAILY", "12.5"), ("CONFIG", file.to_str().expect("a path"))].into_iter().chain(key);
        let config = settings(&[], set).and_then(Config::try_from);
        assert_eq!(config.err().map(|error| error.to_string()).as_deref(), refusal);
    }
}

#[tokio::test]
async fn the_actual_price_of_a_message_is_counted_against_the_ceiling() {
    for stores in Stores::BOTH {
        let dear = route("price = 0.5").replace("'main'", "'dear'");
        let builder = TestApp::on(stores).routes(route("price = 0.045") + &dear).set("SPEND_DAILY", "0.55");
        let app = builder.start().await;
        for _ in 0..2 {
            app.anonymous().ask(&phone()).await;
        }
        let limited = app.anonymous().try_ask(&phone()).await;
        assert_eq!(limited.extensions()["limit"], "SPEND_DAILY", "0.5 are reserved for each");
    }
}
