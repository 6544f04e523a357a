//! Datetime patterns (`yyyy-MM-dd'T'HH:mm:ss.SSSXXX`), as Spark 3 and later read them.
//!
//! Spark hands a pattern to `java.time.format.DateTimeFormatter` in its strict style, after refusing some letters; the two
//! sides here do what that pair does, in the US locale. A pattern is compiled once and used for every row.

mod compile;
mod names;
mod read;
mod write;
mod zones;

pub use read::ReadPattern;
pub use write::WritePattern;

/// One piece of a compiled pattern.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    /// Text as it stands.
    Literal(String),
    /// A number of `min` to `max` digits.
    Number {
        field: Field,
        min: usize,
        max: usize,
        sign: Sign,
        next: Next,
    },
    /// A year in two digits, 2000 to 2099.
    TwoDigitYear { field: Field, next: Next },
    /// The first digits of the fraction of a second.
    Fraction { min: usize, max: usize, next: Next },
    /// A word.
    Name { field: Field, full: bool },
    /// `+01:00` in one of its forms; `zero` is what no offset at all is written as.
    Offset {
        form: OffsetForm,
        zero: &'static str,
    },
    /// `GMT+1`, or in full `GMT+01:00`.
    LocalizedOffset { full: bool },
    /// `Europe/Paris`.
    ZoneId,
    /// `CET`.
    ZoneName,
    /// In brackets: always written; read if it is there.
    Optional(Vec<Item>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Era,
    Year,
    YearOfEra,
    Quarter,
    Month,
    Day,
    DayOfYear,
    Weekday,
    /// Java's `F`: counts 1 to 7 from the first of the month.
    AlignedDay,
    /// AM or PM.
    Half,
    /// 0 to 23.
    Hour,
    /// 1 to 24.
    ClockHour,
    /// 0 to 11.
    HourOfHalf,
    /// 1 to 12.
    ClockHourOfHalf,
    Minute,
    Second,
}

/// How the sign of a number is written and what of it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// Only a minus.
    Normal,
    /// None.
    Never,
    /// A plus when there are more digits than the pattern has letters.
    ExceedsPad,
}

/// How a number that touches the next one knows where to stop when it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// It takes all digits it may.
    Free,
    /// It leaves so many digits to the fixed numbers after it.
    Leave(usize),
}

/// Minutes and seconds of an offset: with colon or not, always there or when not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OffsetForm {
    colon: bool,
    minutes: bool,
    seconds: bool,
}
