//! `bench_data DIR EVENTS`: the input of `make bench`, the same for the same number.
//!
//! Shop events in 30 files (203 bytes each), lines of words, and the impressions and clicks of an ad server. The clock moves on
//! evenly over one day, and rows are up to half a minute out of order.

use std::fs::{self, File};
use std::io::{BufWriter, Result, Write};
use std::path::Path;

const FILES: u64 = 30;
const DAY_MILLIS: u64 = 86_400_000;
const USERS: u64 = 200_000;
const CATEGORIES: [&str; 8] = [
    "Electronics",
    "Clothing",
    "Books",
    "Home",
    "Sports",
    "Garden",
    "Toys",
    "Groceries",
];

/// SplitMix64: a number from a seed and a counter.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// A moment of 2025-01-15, as text.
fn time(millis: u64) -> String {
    let (seconds, millis) = (millis / 1000 % 86_400, millis % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("2025-01-15T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
}

/// Row `row` of `rows` happens about then.
fn moment(chance: &mut Chance, row: u64, rows: u64) -> u64 {
    (row * DAY_MILLIS / rows).saturating_sub(chance.below(30_000))
}

fn file(folder: &Path, number: u64, ending: &str) -> Result<BufWriter<File>> {
    fs::create_dir_all(folder)?;
    let file = File::create(folder.join(format!("part-{number:04}.{ending}")))?;
    Ok(BufWriter::with_capacity(1 << 20, file))
}

fn events(folder: &Path, rows: u64) -> Result<()> {
    let mut chance = Chance(1);
    for number in 0..FILES {
        let mut out = file(folder, number, "json")?;
        for row in number * rows / FILES..(number + 1) * rows / FILES {
            let at = time(moment(&mut chance, row, rows));
            let user = chance.below(USERS);
            let kind = match chance.below(100) {
                0..65 => "view",
                65..88 => "add_to_cart",
                _ => "purchase",
            };
            let product = chance.below(10_000);
            let category = CATEGORIES[(product % 8) as usize];
            let cents = 500 + product * 7919 % 49_500;
            let (euros, cents) = (cents / 100, cents % 100);
            let quantity = 1 + chance.below(3);
            let visit = chance.below(4);
            writeln!(
                out,
                r#"{{"event_id":"e{row:08}","timestamp":"{at}","user_id":"u{user:06}","session_id":"s-{user:06}-{visit}","event_type":"{kind}","product_id":"p{product:05}","category":"{category}","price":{euros}.{cents:02},"quantity":{quantity}}}"#
            )?;
        }
        out.flush()?;
    }
    Ok(())
}

/// Four lines of nine words to five events; rank r comes up about as often as 1/r.
fn words(folder: &Path, events: u64) -> Result<()> {
    let mut chance = Chance(2);
    let vocabulary: Vec<String> = (0..20_000).map(|rank| word(&mut chance, rank)).collect();
    for number in 0..FILES {
        let mut out = file(folder, number, "txt")?;
        let lines = (number + 1) * events * 4 / 5 / FILES - number * events * 4 / 5 / FILES;
        for _ in 0..lines {
            for place in 0..9 {
                let even = chance.next() as f64 / u64::MAX as f64;
                let rank = (20_000f64.powf(even) - 1.0) as usize;
                let gap = if place == 0 { "" } else { " " };
                write!(out, "{gap}{}", vocabulary[rank.min(19_999)])?;
            }
            writeln!(out)?;
        }
        out.flush()?;
    }
    Ok(())
}

/// A word of its own; the frequent ones are short.
fn word(chance: &mut Chance, rank: u64) -> String {
    let mut word = String::new();
    let mut rest = rank;
    while rest > 0 || word.is_empty() {
        word.push(char::from(b'a' + (rest % 26) as u8));
        rest /= 26;
    }
    word.push_str(["ing", "er", "tion", "al"][chance.below(4) as usize]);
    word
}

/// A third as many impressions as events; one in four is clicked, within twenty minutes.
fn ads(folder: &Path, events: u64) -> Result<()> {
    let mut chance = Chance(3);
    let rows = events / 3;
    for number in 0..FILES {
        let mut shown = file(&folder.join("impressions"), number, "json")?;
        let mut clicked = file(&folder.join("clicks"), number, "json")?;
        for row in number * rows / FILES..(number + 1) * rows / FILES {
            let at = moment(&mut chance, row, rows);
            let campaign = chance.below(500);
            writeln!(
                shown,
                r#"{{"ad_id":"a{row:08}","shown_at":"{}","campaign":"c{campaign:03}"}}"#,
                time(at)
            )?;
            if chance.below(4) == 0 {
                let click = (at + 1000 + chance.below(1_200_000)).min(DAY_MILLIS - 1);
                writeln!(
                    clicked,
                    r#"{{"click_ad_id":"a{row:08}","clicked_at":"{}"}}"#,
                    time(click)
                )?;
            }
        }
        shown.flush()?;
        clicked.flush()?;
    }
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, rows] = arguments.as_slice() else {
        return Err(std::io::Error::other("usage: bench_data DIR EVENTS"));
    };
    let folder = Path::new(folder);
    let rows = rows.parse().map_err(std::io::Error::other)?;
    events(&folder.join("events"), rows)?;
    words(&folder.join("words"), rows)?;
    ads(&folder.join("ads"), rows)
}
