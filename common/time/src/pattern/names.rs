//! The words of the US locale.

use super::Field;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const QUARTERS: [(&str, &str); 4] = [
    ("Q1", "1st quarter"),
    ("Q2", "2nd quarter"),
    ("Q3", "3rd quarter"),
    ("Q4", "4th quarter"),
];
const ERAS: [(&str, &str); 2] = [("BC", "Before Christ"), ("AD", "Anno Domini")];
const HALVES: [&str; 2] = ["AM", "PM"];

/// The word for the value of a field, if it has words.
pub(super) fn name(field: Field, value: i64, full: bool) -> Option<&'static str> {
    let index = usize::try_from(value).ok()?;
    let short = |word: &'static str| if full { word } else { &word[..3] };
    let pair = |(brief, long): (&'static str, &'static str)| if full { long } else { brief };
    match field {
        Field::Month => MONTHS.get(index.checked_sub(1)?).map(|word| short(word)),
        Field::Weekday => WEEKDAYS.get(index.checked_sub(1)?).map(|word| short(word)),
        Field::Quarter => QUARTERS
            .get(index.checked_sub(1)?)
            .map(|words| pair(*words)),
        Field::Era => ERAS.get(index).map(|words| pair(*words)),
        Field::Half => HALVES.get(index).copied(),
        _ => None,
    }
}

/// The field's value whose word `text` begins with, in any case, and the length of the word.
pub(super) fn find(field: Field, text: &str, full: bool) -> Option<(i64, usize)> {
    (0..=12).find_map(|value| {
        let word = name(field, value, full)?;
        let head = text.get(..word.len())?;
        head.eq_ignore_ascii_case(word)
            .then_some((value, word.len()))
    })
}

/// Abbreviations of zones and the places whose clock they stand for, as Java reads them.
const ZONES: [(&str, &str); 37] = [
    ("PST", "America/Los_Angeles"),
    ("PDT", "America/Los_Angeles"),
    ("MST", "America/Denver"),
    ("MDT", "America/Denver"),
    ("CST", "America/Chicago"),
    ("CDT", "America/Chicago"),
    ("EST", "America/New_York"),
    ("EDT", "America/New_York"),
    ("AST", "America/Halifax"),
    ("ADT", "America/Halifax"),
    ("NST", "America/St_Johns"),
    ("NDT", "America/St_Johns"),
    ("AKST", "America/Anchorage"),
    ("AKDT", "America/Anchorage"),
    ("HST", "Pacific/Honolulu"),
    ("BRT", "America/Sao_Paulo"),
    ("ART", "America/Argentina/Buenos_Aires"),
    ("WET", "Europe/Lisbon"),
    ("WEST", "Europe/Lisbon"),
    ("CET", "Europe/Paris"),
    ("CEST", "Europe/Paris"),
    ("EET", "Europe/Helsinki"),
    ("EEST", "Europe/Helsinki"),
    ("MSK", "Europe/Moscow"),
    ("IST", "Europe/Dublin"),
    ("BST", "Pacific/Bougainville"),
    ("SAST", "Africa/Johannesburg"),
    ("EAT", "Africa/Nairobi"),
    ("CAT", "Africa/Harare"),
    ("WAT", "Africa/Lagos"),
    ("PKT", "Asia/Karachi"),
    ("JST", "Asia/Tokyo"),
    ("KST", "Asia/Seoul"),
    ("HKT", "Asia/Hong_Kong"),
    ("SGT", "Asia/Singapore"),
    ("AEST", "Australia/Sydney"),
    ("NZST", "Pacific/Auckland"),
];

/// The place an abbreviation stands for; case does not matter.
pub(super) fn zone(name: &str) -> Option<&'static str> {
    ZONES
        .iter()
        .find(|(short, _)| short.eq_ignore_ascii_case(name))
        .map(|(_, place)| *place)
}
