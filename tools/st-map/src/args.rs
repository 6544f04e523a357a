//! The command line of `st-map`. Its operations are applied in the order given, so their places are kept.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, Parser};
use st_stream::cli::{self, StageArgs, ZoneArgs};
use st_stream::{Options, Trigger};

const EXAMPLE: &str = "\
Example: large orders, with tax, without the raw price
  st-map --where 'price > 100' --set 'total = round(price * 1.19, 2)' --drop price";

const NOTES: &str = "\
Operations are applied in the order given, each as often as you like; an
expression sees what stands before it. Expressions are Spark SQL: \"…\" and '…'
are texts, `…` names, a.b[0] a value inside; explode(…) as x gives a row each.
--where alone passes the same bytes. A --set of a column the row has stays in
its place, a new one comes last. What cannot be computed is null and counted
(failed); --strict stops at it.
--through: the rows of each batch are CMD's stdin, its stdout is what goes on;
it must keep the columns that schema, keys and watermarks name, and end with 0:
--through 'grep -v DEBUG || [ $? = 1 ]', as grep ends with 1 if nothing is left.";

/// Filter, compute, choose and rename columns
#[derive(Clone, Debug, Parser)]
#[command(name = "st-map", version, before_help = EXAMPLE, after_help = NOTES)]
pub struct Arguments {
    #[command(flatten)]
    pub operations: Operations,
    /// Keep rows whose --where is not true in FILE
    #[arg(long = "else", value_name = "FILE")]
    pub otherwise: Option<PathBuf>,
    /// Cut plain input into batches every D, for --through
    #[arg(long, value_name = "D", value_parser = cli::trigger, requires = "through")]
    pub trigger: Option<Trigger>,
    #[command(flatten)]
    pub zone: ZoneArgs,
    #[command(flatten)]
    pub stage: StageArgs,
}

impl Arguments {
    /// The driver's options.
    pub fn driver(&self) -> Options {
        Options {
            trigger: self.trigger,
            ..self.stage.options()
        }
    }
}

/// One option that changes rows, with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Which of [`KINDS`].
    pub kind: &'static str,
    /// Its value.
    pub text: String,
}

/// All operations in the order of the command line.
#[derive(Clone, Debug, Default)]
pub struct Operations(pub Vec<Operation>);

/// The operations: option, value, help.
const KINDS: [(&str, &str, &str); 6] = [
    ("where", "EXPR", "Keep rows for which EXPR is true"),
    (
        "set",
        "NAME = EXPR, …",
        "Set columns, each seeing those before it",
    ),
    (
        "select",
        "EXPR [as NAME], …",
        "Keep these columns only; * is all there are",
    ),
    ("drop", "NAME, …", "Leave columns out"),
    (
        "rename",
        "OLD as NEW, …",
        "Rename columns (also OLD=NEW); values stay as they are",
    ),
    (
        "through",
        "CMD",
        "Pass each batch's rows through a line of bash",
    ),
];

impl Args for Operations {
    fn augment_args(command: Command) -> Command {
        KINDS.iter().fold(command, |command, (kind, value, help)| {
            let option = Arg::new(*kind).long(*kind).value_name(*value).help(*help);
            command.arg(option.action(ArgAction::Append).allow_hyphen_values(true))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Operations {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut placed: Vec<(usize, Operation)> = Vec::new();
        for (kind, _, _) in KINDS {
            let texts = matches.get_many::<String>(kind).into_iter().flatten();
            let places = matches.indices_of(kind).into_iter().flatten();
            placed.extend(places.zip(texts).map(|(place, text)| {
                (
                    place,
                    Operation {
                        kind,
                        text: text.clone(),
                    },
                )
            }));
        }
        placed.sort_by_key(|(place, _)| *place);
        Ok(Operations(
            placed.into_iter().map(|(_, operation)| operation).collect(),
        ))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn operations_keep_the_order_of_the_command_line() {
        let line = [
            "st-map",
            "--set",
            "a = 1",
            "--where",
            "a",
            "--strict",
            "--set=b = 2",
            "--drop",
            "a",
        ];
        let arguments = Arguments::try_parse_from(line).unwrap();
        let order: Vec<(&str, &str)> = arguments
            .operations
            .0
            .iter()
            .map(|operation| (operation.kind, operation.text.as_str()))
            .collect();
        assert_eq!(
            order,
            [
                ("set", "a = 1"),
                ("where", "a"),
                ("set", "b = 2"),
                ("drop", "a")
            ]
        );
    }
}
