//! The plan of every SQL statement on MariaDB: an index finds its rows, however many rows there are.

use std::fs;
use std::path::{Path, PathBuf};

use sms_login::database::Database;
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, Row};

use crate::servers;

/// Enough rows that reading all of them costs more than an index.
const USERS: u32 = 5000;
const SESSIONS_OF_A_USER: u32 = 4;

/// The kinds of access that find rows by an index, in the words of `EXPLAIN`.
const LOOK_UPS: [&str; 6] = ["const", "eq_ref", "ref", "ref_or_null", "range", "index_merge"];

/// Returns the files of SQL statements below a folder.
fn statement_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| if path.is_dir() { statement_files(&path) } else { vec![path] })
        .filter(|path| path.ends_with("statements.rs"))
        .collect()
}

/// Returns the texts between quotation marks in a file of statements, except those for SQLite.
fn statements(source: &str) -> Vec<String> {
    let parts: Vec<&str> = source.split('"').collect();
    let texts = parts.chunks_exact(2).filter(|pair| !pair[0].trim_end().ends_with("sqlite:"));
    texts.map(|pair| pair[1].split("\\\n").map(str::trim_start).collect()).collect()
}

/// Puts values in the places of parameters, which fit the columns before them.
fn with_values(statement: &str) -> String {
    const ID: &str = "x'00000000000000000000000000000007'";
    let list = statement.replace("(...)", &format!("({ID}, x'00000000000000000000000000000008')"));
    let mut parts = list.split('?');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let words: Vec<&str> = text.split([' ', ',', '(']).filter(|word| !word.is_empty()).collect();
        let column = match words.as_slice() {
            [.., "LIMIT"] | [] | [_] => "",
            [.., column, _operator] => column.rsplit('.').next().unwrap_or(column),
        };
        let value = match column {
            "id" | "user_id" | "queue" => ID.to_owned(),
            "login_key" => format!("x'{:064x}'", 7),
            "phone" => "'+8613000000007'".to_owned(),
            _ => "7".to_owned(),
        };
        text.push_str(&value);
        text.push_str(part);
    }
    text
}

async fn database_with_rows() -> MySqlConnection {
    let url = servers::mariadb().create_database();
    Database::open(&url).await.expect("MariaDB").migrate().await.expect("tables");
    let mut connection = MySqlConnection::connect(&url).await.expect("a connection");
    let id = |number: &str| format!("UNHEX(LPAD(HEX({number}), 32, '0'))");
    let sessions = USERS * SESSIONS_OF_A_USER;
    for statement in [
        format!(
            "INSERT INTO users (id, phone, name, avatar, created_at, last_login_at) \
             SELECT {}, CONCAT('+', 8613000000000 + seq), '', '', 0, 0 FROM seq_1_to_{USERS}",
            id("seq")
        ),
        format!(
            "INSERT INTO sessions (id, user_id, salt, generation, rotated_at, first_address, last_address, created_at, \
             last_used_at, expires_at, ended_at, login_key) \
             SELECT {}, {}, '', 7, 0, '', '', 0, 0, seq + 1, IF(seq % 2, NULL, seq), UNHEX(LPAD(HEX(seq), 64, '0')) \
             FROM seq_1_to_{sessions}",
            id("seq"),
            id(&format!("1 + seq % {USERS}")),
        ),
        // Most events are delivered, or are not to be delivered.
        format!(
            "INSERT INTO events (id, user_id, kind, facts, created_at, due_at, dead_at) \
             SELECT {}, {}, 'user.signed_in', '{{}}', seq, IF(seq % 1000, NULL, seq), IF(seq % 1000 = 1, seq, NULL) \
             FROM seq_1_to_{sessions}",
            id("seq"),
            id(&format!("1 + seq % {USERS}")),
        ),
        // A large backlog: a tenth of the events is due.
        "INSERT INTO pending_events (sequence, queue, due_at) SELECT sequence, user_id, 0 FROM events \
         WHERE sequence % 10 = 0"
            .to_owned(),
        "ANALYZE TABLE users, sessions, events, pending_events".to_owned(),
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.expect("rows");
    }
    connection
}

/// Returns what is wrong with the plan of a statement: each table that is read without an index.
async fn complaints(connection: &mut MySqlConnection, statement: &str) -> Vec<String> {
    let explain = AssertSqlSafe(format!("EXPLAIN {}", with_values(statement)));
    let plan = sqlx::raw_sql(explain).fetch_all(connection).await.expect("a plan");
    let text = |row: &MySqlRow, column: &str| row.get::<Option<String>, _>(column).unwrap_or_default();
    plan.iter()
        .map(|row| [text(row, "table"), text(row, "type"), text(row, "key"), text(row, "Extra")])
        // No table, such as `MIN` of a key, or the rows of a subquery.
        .filter(|[table, ..]| !table.is_empty() && !table.starts_with('<'))
        .filter(|[_, kind, key, _]| !LOOK_UPS.contains(&kind.as_str()) || key.is_empty())
        .map(|row| format!("{statement}: {row:?}"))
        .collect()
}

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let files = statement_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let texts = files.iter().map(|file| fs::read_to_string(file).expect("a file"));
    let statements: Vec<String> = texts.flat_map(|text| statements(&text)).collect();
    assert!(statements.len() > 20, "{statements:?}");

    let mut connection = database_with_rows().await;
    let mut wrong = Vec::new();
    // An INSERT of values looks nothing up, except by its unique keys.
    for statement in statements.iter().filter(|statement| !statement.starts_with("INSERT")) {
        wrong.extend(complaints(&mut connection, statement).await);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");

    for slow in ["SELECT id FROM users WHERE avatar = ?", "UPDATE sessions SET ended_at = ? WHERE salt = ?"] {
        assert!(!complaints(&mut connection, slow).await.is_empty(), "{slow}");
    }
}
