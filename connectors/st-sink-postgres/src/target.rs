//! The table as a target: a batch is one transaction, its id in it.

use anyhow::{Error, Result, anyhow, bail};
use postgres::{Client, Transaction};
use serde_json::{Map, Value, json};
use st_checkpoint::fail_point;
use st_deliver::columns::{Cells, Column, Columns};
use st_deliver::dead_letters::DeadLetters;
use st_deliver::rows::Rows;
use st_deliver::table::{Existing, Stored, Terms};
use st_deliver::target::{Arrived, Opening, Target};
use st_expr::Schema;
use st_stream::{Mode, Out};
use st_time::Zone;

use crate::args::Args;
use crate::batch::Loader;
use crate::connection::Server;
use crate::errors::explain;
use crate::names::TableName;
use crate::ownership;
use crate::table::{self, TableColumn, find, places};

/// A table of a PostgreSQL database.
pub struct Postgres {
    server: Server,
    name: TableName,
    create: bool,
    existing: Existing,
    strict: bool,
    client: Option<Client>,
    columns: Columns,
    /// The columns of the rows that were taken: what a rejected row brings is forgotten.
    sound: Columns,
    cells: Cells,
    /// The table's own columns, when it is not to be made or widened.
    table: Vec<TableColumn>,
    mode: Mode,
    keys: Vec<String>,
    zone: Zone,
    owner: String,
    stored: Stored,
    checkpointed: bool,
    refused: DeadLetters,
}

impl Postgres {
    /// Finds out where the server is; nothing is sent yet.
    pub fn new(args: &Args) -> Result<Postgres> {
        Ok(Postgres {
            server: Server::find(args.connection.as_deref())?,
            name: args.table.clone(),
            create: args.create,
            existing: match (args.overwrite, args.append) {
                (true, _) => Existing::Overwrite,
                (_, true) => Existing::Append,
                _ => Existing::Refuse,
            },
            strict: args.stage.strict,
            client: None,
            columns: Columns::new(&Schema::default(), true, &[]),
            sound: Columns::new(&Schema::default(), true, &[]),
            cells: Cells::default(),
            table: Vec::new(),
            mode: Mode::Append,
            keys: Vec::new(),
            zone: Zone::UTC,
            owner: String::new(),
            stored: Stored { batch: -1, rows: 0 },
            checkpointed: false,
            refused: DeadLetters::default(),
        })
    }

    /// Server and table, for messages.
    fn place(&self) -> String {
        format!("{}: table {}", self.server.name(), self.name)
    }

    fn explain(&self, error: Error) -> Error {
        let found = error
            .chain()
            .find_map(|cause| match cause.downcast_ref::<std::io::Error>() {
                Some(io) => io.get_ref()?.downcast_ref::<postgres::Error>(),
                None => cause.downcast_ref::<postgres::Error>(),
            });
        found.map_or_else(
            || anyhow!("{error:#}"),
            |cause| explain(cause, &self.place()),
        )
    }

    fn open(&mut self, opening: &Opening<'_>) -> Result<()> {
        let mut client = self.server.connect(self.zone)?;
        let terms = Terms {
            name: format!("postgres: {}", self.place()),
            existing: self.existing,
            replaces: self.mode == Mode::Complete,
            users: !self.create,
        };
        let mut transaction = client.transaction()?;
        self.stored = ownership::take(&mut transaction, opening, &terms, &self.name)?;
        if self.create {
            self.columns = Columns::new(opening.schema, true, &[]);
            // So that a reader finds the table before the first batch.
            table::grow(&mut transaction, &self.name, &self.columns.list())?;
        } else {
            self.table = table::columns(&mut transaction, &self.name)?;
            let json = self.table.iter().filter(|column| column.is_json());
            let json = json.map(|column| column.name.clone());
            self.columns = Columns::with_whole(opening.schema, json);
            self.compare(&self.columns.list())?;
        }
        self.sound = self.columns.clone();
        transaction.commit()?;
        self.client = Some(client);
        Ok(())
    }

    /// The user's table must be there, with the declared columns.
    fn compare(&self, declared: &[Column]) -> Result<()> {
        if self.table.is_empty() {
            bail!(
                "postgres: {}: is not there: make it, or give --create",
                self.place()
            );
        }
        match declared
            .iter()
            .find(|column| find(&self.table, &column.name).is_none())
        {
            Some(column) => bail!(
                "postgres: {}: has no column `{}`: add it, give --create, or st-map --drop '{}'",
                self.place(),
                column.name,
                column.path.first().map_or("", String::as_str)
            ),
            None => Ok(()),
        }
    }

    /// The connection; a new one if the server has closed it since the last batch.
    fn connection(&mut self) -> Result<Client> {
        match self.client.take() {
            Some(client) if !client.is_closed() => Ok(client),
            _ => {
                let mut client = self.server.connect(self.zone)?;
                if ownership::stored(&mut client, &self.name)? != Some(self.stored.batch) {
                    bail!(
                        "postgres: {}: has changed while the connection was lost: run the same line again",
                        self.place()
                    );
                }
                Ok(client)
            }
        }
    }

    fn write(&mut self, batch: Arrived, rows: &mut Rows, out: &mut Out) -> Result<()> {
        let mut client = self.connection()?;
        let mut transaction = client.transaction()?;
        self.write_rows(&mut transaction, batch, rows, out)?;
        let stored = Stored {
            batch: batch.id,
            rows: batch.rows,
        };
        if !ownership::advance(&mut transaction, &self.name, &self.owner, stored)? {
            bail!(
                "postgres: {}: its line in _st_commits was removed or taken by another query: run the same line again",
                self.place()
            );
        }
        // A refused row is kept before the batch that lacks it is.
        self.refused.sync()?;
        fail_point("sink.mid_output");
        transaction.commit()?;
        self.client = Some(client);
        self.stored = stored;
        Ok(())
    }

    fn write_rows(
        &mut self,
        transaction: &mut Transaction<'_>,
        batch: Arrived,
        rows: &mut Rows,
        out: &mut Out,
    ) -> Result<()> {
        let columns = self.columns.list();
        if self.create {
            table::grow(transaction, &self.name, &columns)?;
            self.table = table::columns(transaction, &self.name)?;
        }
        if self.mode == Mode::Complete && !self.table.is_empty() {
            transaction.execute(&format!("DELETE FROM {}", self.name.sql()), &[])?;
        }
        let places = places(&self.table, &columns);
        let mut keys = Vec::new();
        if self.mode == Mode::Update && !rows.is_empty() {
            for key in &self.keys {
                let under: Vec<&str> = places
                    .iter()
                    .filter(|place| place.path.first() == Some(key))
                    .map(|place| place.name.as_str())
                    .collect();
                if under.is_empty() {
                    bail!(
                        "postgres: {}: the rows have no column `{key}`, by which they update: keep it in st-map",
                        self.place()
                    );
                }
                keys.extend(under);
            }
            match keys.is_empty() {
                // One group without a key: its row is the table.
                true => {
                    transaction.execute(&format!("DELETE FROM {}", self.name.sql()), &[])?;
                }
                false => table::unique(transaction, &self.name, &keys, self.create)?,
            }
        }
        let mut loader = Loader {
            name: &self.name,
            places: &places,
            keys: &keys,
            columns: &mut self.columns,
        };
        for (row, reason) in loader.load(transaction, rows)? {
            self.refuse(batch.id, &reason, &row, out)?;
        }
        Ok(())
    }

    /// Counts and keeps a row that the server did not take.
    fn refuse(&mut self, batch: i64, reason: &str, row: &[u8], out: &mut Out) -> Result<()> {
        if self.strict || !self.checkpointed {
            return out.reject(row, reason);
        }
        self.refused.keep(batch, reason, row)?;
        out.rejected(1);
        Ok(())
    }
}

impl Target for Postgres {
    fn format(&self) -> &'static str {
        "postgres"
    }

    fn identity(&self) -> Map<String, Value> {
        Map::from_iter([
            ("server".to_string(), json!(self.server.name())),
            ("table".to_string(), json!(self.name.to_string())),
        ])
    }

    fn claim(&mut self, opening: &Opening<'_>) -> Result<()> {
        self.mode = opening.start.mode;
        self.keys = opening.start.keys.clone();
        self.zone = opening.zone;
        self.owner = opening.owner().to_string();
        self.checkpointed = opening.context.query.is_some();
        self.open(opening).map_err(|error| self.explain(error))?;
        // A batch may have reached the table and not the checkpoint: its refused rows are not written again.
        let last = opening.delivered.unwrap_or(opening.start.epoch);
        self.refused = DeadLetters::open(opening, None, last.max(self.stored.batch))?;
        Ok(())
    }

    fn check(&mut self, row: &[u8]) -> Result<(), String> {
        let walked = self.columns.walk(row, &mut self.cells);
        if self.create && walked.is_ok() {
            self.columns.learn(row, &self.cells);
        }
        if self.columns.size() == self.sound.size() {
            return walked.map_err(|bad| bad.to_string());
        }
        let fits = walked.map_err(|bad| bad.to_string()).and_then(|()| {
            let new = self.columns.list();
            let lacks = new
                .iter()
                .find(|column| !self.create && find(&self.table, &column.name).is_none());
            match lacks {
                Some(column) => Err(format!(
                    "table {} has no column `{}`",
                    self.name, column.name
                )),
                None => Ok(()),
            }
        });
        match fits {
            Ok(()) => self.sound = self.columns.clone(),
            Err(_) => self.columns = self.sound.clone(),
        }
        fits
    }

    fn prepare(&mut self, batch: Arrived, rows: &mut Rows, out: &mut Out) -> Result<Option<Value>> {
        if batch.id > self.stored.batch {
            self.write(batch, rows, out)
                .map_err(|error| self.explain(error))?;
        } else if batch.id == self.stored.batch && batch.rows != self.stored.rows {
            bail!(
                "postgres: {}: has batch {} with {} rows, which now has {}: the checkpoint is an older copy than the database: put the two back together",
                self.place(),
                batch.id,
                self.stored.rows,
                batch.rows
            );
        }
        Ok(None)
    }
}
