//! The table `spend`: the counts of a server without Redis, so that they survive a restart and another process can read
//! them.
//!
//! It is written by increments, so several servers can add to one row.

use sqlx::FromRow;

use super::{Count, Parcel, SpendCounts, SpendRow};
use crate::database::{Database, Param, SqlError};
use crate::purpose::Purpose;
use crate::store::StoreError;

const ADD: &str = "\
    UPDATE spend SET accepted = accepted + ?, delivered = delivered + ?, failed = failed + ?, used = used + ?, \
    refunded = refunded + ?, unconfirmed = unconfirmed + ?, price = price + ? \
    WHERE day = ? AND route = ? AND region = ? AND purpose = ?";

const INSERT: &str = "\
    INSERT INTO spend (accepted, delivered, failed, used, refunded, unconfirmed, price, day, route, region, purpose) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const SELECT: &str = "\
    SELECT day, route, region, purpose, accepted, delivered, failed, used, refunded, unconfirmed, price \
    FROM spend WHERE day BETWEEN ? AND ?";

/// The counts in SQL.
#[derive(Debug, Clone)]
pub struct SpendTable {
    database: Database,
}

#[derive(FromRow)]
struct Columns {
    day: i64,
    route: String,
    region: String,
    purpose: String,
    accepted: i64,
    delivered: i64,
    failed: i64,
    used: i64,
    refunded: i64,
    unconfirmed: i64,
    price: i64,
}

impl SpendTable {
    /// Creates the counts whose table is in `database`.
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Adds to the counts of a parcel.
    ///
    /// # Errors
    /// If the database fails. The counts are not added then, or the database did not answer in time.
    pub async fn add(&self, parcel: &Parcel, counts: &SpendCounts) -> Result<(), StoreError> {
        let mut params: Vec<Param<'_>> = Count::ALL.map(|count| Param::Integer(counts.get(count))).to_vec();
        params.extend([
            Param::Integer(parcel.day),
            Param::Text(&parcel.route),
            Param::Text(&parcel.region),
            Param::Text(parcel.purpose.name()),
        ]);

        if self.database.execute(ADD, &params).await? > 0 {
            return Ok(());
        }
        match self.database.execute(INSERT, &params).await {
            // Another server has inserted the row since the update.
            Err(SqlError::Taken(_)) => self.database.execute(ADD, &params).await?,
            inserted => inserted?,
        };
        Ok(())
    }

    /// Returns the counts of these days, the first and the last included.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(&self, first_day: i64, last_day: i64) -> Result<Vec<SpendRow>, StoreError> {
        let params = [Param::Integer(first_day), Param::Integer(last_day)];
        let rows: Vec<Columns> = self.database.fetch_all(SELECT, &params).await?;
        let mut rows: Vec<SpendRow> = rows.into_iter().filter_map(Columns::read).collect();
        SpendRow::sort(&mut rows);
        Ok(rows)
    }
}

impl Columns {
    /// Returns `None` for a purpose that a newer version has added.
    fn read(self) -> Option<SpendRow> {
        let purpose = Purpose::ALL.into_iter().find(|purpose| purpose.name() == self.purpose)?;
        let mut counts = SpendCounts::default();
        for (count, value) in [
            (Count::Accepted, self.accepted),
            (Count::Delivered, self.delivered),
            (Count::Failed, self.failed),
            (Count::Used, self.used),
            (Count::Refunded, self.refunded),
            (Count::Unconfirmed, self.unconfirmed),
            (Count::Price, self.price),
        ] {
            counts.add(count, value);
        }
        Some(SpendRow { parcel: Parcel { route: self.route, region: self.region, purpose, day: self.day }, counts })
    }
}
