//! Calendars, zones, windows. Expectations are Spark's answers (4.3.0, Java 17) or counted by hand.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use st_time::*;

fn zone(text: &str) -> Zone {
    parse_zone(text).unwrap()
}

fn ts(text: &str, zone: Zone) -> i64 {
    parse_timestamp(text.as_bytes(), zone).unwrap()
}

fn day(text: &str) -> i32 {
    parse_date(text.as_bytes()).unwrap()
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

fn spark(micros: i64) -> String {
    text(|out| write_spark(out, micros, Zone::UTC))
}

#[test]
fn the_wire_shows_milliseconds_and_more_when_there_is_more() {
    let iso = |micros, zone| text(|out| write_iso(out, micros, zone));
    assert_eq!(
        iso(1_736_937_000_000_000, Zone::UTC),
        "2025-01-15T10:30:00.000Z"
    );
    assert_eq!(
        iso(1_736_937_000_120_000, Zone::UTC),
        "2025-01-15T10:30:00.120Z"
    );
    assert_eq!(
        iso(1_736_937_000_120_050, Zone::UTC),
        "2025-01-15T10:30:00.120050Z"
    );
    assert_eq!(iso(-1, Zone::UTC), "1969-12-31T23:59:59.999999Z");
    assert_eq!(iso(-1000, Zone::UTC), "1969-12-31T23:59:59.999Z");
    assert_eq!(iso(0, Zone::UTC), "1970-01-01T00:00:00.000Z");
    let last = 253_402_300_799_999_000;
    assert_eq!(iso(last, Zone::UTC), "9999-12-31T23:59:59.999Z");
    assert_eq!(iso(last + 1000, Zone::UTC), "+10000-01-01T00:00:00.000Z");
    assert_eq!(
        iso(ts("+12345-03-15", Zone::UTC), Zone::UTC),
        "+12345-03-15T00:00:00.000Z"
    );
    assert_eq!(
        iso(ts("-0044-03-15", Zone::UTC), Zone::UTC),
        "-0044-03-15T00:00:00.000Z"
    );
    assert_eq!(
        iso(1_751_724_249_123_000, zone("Europe/Paris")),
        "2025-07-05T16:04:09.123+02:00"
    );
}

#[test]
fn a_zone_is_a_place_or_an_offset() {
    for (text, shown) in [
        ("UTC", "UTC"),
        ("Z", "UTC"),
        ("GMT", "UTC"),
        ("+00:00", "UTC"),
        (" Europe/Paris ", "Europe/Paris"),
        ("+1", "+01:00"),
        ("-0830", "-08:30"),
        ("+5:30", "+05:30"),
        ("UTC+01:00", "+01:00"),
        ("GMT-3", "-03:00"),
        ("+01:30:15", "+01:30:15"),
        ("PST", "America/Los_Angeles"),
        ("EST", "-05:00"),
    ] {
        assert_eq!(zone(text).to_string(), shown, "{text}");
        assert_eq!(zone(&zone(text).to_string()), zone(text));
    }
    for bad in [
        "",
        "Europe",
        "europe/paris",
        "+19:00",
        "+1:60",
        "+",
        "+123",
        "+1:2:3",
        "UTC1",
        "+é",
        "Mars/Base",
    ] {
        assert!(parse_zone(bad).is_err(), "{bad}");
    }
    assert_eq!(
        parse_zone("Pariss").unwrap_err().to_string(),
        "'Pariss': no such time zone: write it like 'UTC', 'Europe/Paris' or '+01:00'"
    );
}

#[test]
fn missing_and_double_hours_are_java_s() {
    let paris = zone("Europe/Paris");
    // Skipped: forward by what is skipped. Double: the earlier.
    assert_eq!(ts("2025-03-30 02:30:00", paris), 1_743_298_200 * SECOND);
    assert_eq!(ts("2025-10-26 02:30:00", paris), 1_761_438_600 * SECOND);
    // Before standard time, and in years beyond any table.
    assert_eq!(ts("0001-01-01 00:00:00", paris), -62_135_597_361 * SECOND);
    assert_eq!(ts("2150-07-01 00:00:00", paris), 5_695_912_800 * SECOND);
    assert_eq!(ts("2500-07-01 00:00:00", paris), 16_740_856_800 * SECOND);
    // A whole day skipped.
    assert_eq!(
        spark(ts("2011-12-30 12:00:00", zone("Pacific/Apia"))),
        "2011-12-30 22:00:00"
    );
}

#[test]
fn truncation_keeps_the_offset_where_it_can() {
    let paris = zone("Europe/Paris");
    let trunc = |unit: &str, micros: i64| {
        date_trunc(Unit::parse(unit).unwrap(), micros, paris).unwrap() / SECOND
    };
    assert_eq!(trunc("hour", 1_761_445_800 * SECOND), 1_761_444_000);
    assert_eq!(trunc("hour", 1_761_442_200 * SECOND), 1_761_440_400);
    assert_eq!(
        spark(trunc("day", ts("2025-03-30 12:00:00", paris)) * SECOND),
        "2025-03-29 23:00:00"
    );
    let utc = |unit: &str, text: &str| {
        spark(date_trunc(Unit::parse(unit).unwrap(), ts(text, Zone::UTC), Zone::UTC).unwrap())
    };
    assert_eq!(utc("week", "2025-01-05 10:00:00"), "2024-12-30 00:00:00");
    assert_eq!(utc("QUARTER", "2025-05-05 10:00:00"), "2025-04-01 00:00:00");
    assert_eq!(
        utc("millisecond", "1969-12-31 23:59:59.999999"),
        "1969-12-31 23:59:59.999"
    );
    assert_eq!(
        utc("minute", "1969-12-31 23:59:59.999999"),
        "1969-12-31 23:59:00"
    );
    assert_eq!(
        utc("yy", "1969-12-31 23:59:59.999999"),
        "1969-01-01 00:00:00"
    );
    assert_eq!(Unit::parse("foo"), None);
    assert_eq!(
        trunc_date(Unit::Week, day("2025-05-07")),
        Some(day("2025-05-05"))
    );
    assert_eq!(trunc_date(Unit::Day, day("2025-05-07")), None);
}

#[test]
fn months_and_days_are_the_calendar_s() {
    assert_eq!(add_months(day("2025-01-31"), 1), Some(day("2025-02-28")));
    assert_eq!(add_months(day("2024-02-29"), 12), Some(day("2025-02-28")));
    assert_eq!(add_months(day("2025-01-31"), -14), Some(day("2023-11-30")));
    assert_eq!(last_day(day("2024-02-03")), day("2024-02-29"));
    let paris = zone("Europe/Paris");
    let plus = |text: &str, length: &str| {
        add_interval(ts(text, paris), length.parse().unwrap(), paris).unwrap() / SECOND
    };
    assert_eq!(plus("2025-03-29 02:30:00", "1 day"), 1_743_298_200);
    assert_eq!(plus("2025-02-28 02:30:00", "1 month 2 days"), 1_743_298_200);
    assert_eq!(plus("2025-03-29 02:30:00", "1 month 1 hour"), 1_745_890_200);
    // Twenty-four hours are not a day here.
    assert_eq!(
        plus("2025-03-29 12:00:00", "24 hours") - plus("2025-03-29 12:00:00", "1 day"),
        3600
    );
    assert_eq!(
        add_interval(i64::MAX, Duration::from_micros(1), Zone::UTC),
        None
    );
}

#[test]
fn months_between_counts_parts_of_31_days() {
    let between = |a: &str, b: &str, round| {
        months_between(ts(a, Zone::UTC), ts(b, Zone::UTC), round, Zone::UTC)
    };
    assert_eq!(
        between("1997-02-28 10:30:00", "1996-10-30", true),
        3.94959677
    );
    assert_eq!(
        between("1997-02-28 10:30:00", "1996-10-30", false),
        3.9495967741935485
    );
    assert_eq!(between("2025-02-28", "2024-02-29", true), 12.0);
    assert_eq!(between("2024-10-30", "2025-02-28", true), -3.93548387);
}

#[test]
fn weeks_are_iso_s() {
    assert_eq!(iso_week(day("2024-12-30")), (2025, 1));
    assert_eq!(iso_week(day("2021-01-03")), (2020, 53));
    assert_eq!(iso_weekday(day("2025-01-05")), 7);
    assert_eq!(iso_weekday(day("1969-12-31")), 3);
    assert_eq!(day_of_year(day("2024-12-31")), 366);
    assert_eq!(quarter(12), 4);
}

#[test]
fn dates_count_from_1970() {
    assert_eq!(day("1970-01-01"), 0);
    assert_eq!(day("1969-12-31"), -1);
    assert_eq!(day("2000-03-01"), 11_017);
    assert_eq!(
        civil_of(i32::MAX),
        Civil {
            year: 5_881_580,
            month: 7,
            day: 11
        }
    );
    assert_eq!(
        civil_of(i32::MIN),
        Civil {
            year: -5_877_641,
            month: 6,
            day: 23
        }
    );
    assert_eq!(days_of(2025, 2, 29), None);
    assert_eq!(date_of(-1, Zone::UTC), -1);
    assert_eq!(
        date_of(ts("2025-01-15T23:30:00Z", Zone::UTC), zone("Europe/Paris")),
        day("2025-01-16")
    );
    assert_eq!(days_to_micros(1, zone("+01:00")), Some(23 * HOUR));
}

#[test]
fn durations_read_and_show_themselves() {
    for (given, shown, micros) in [
        ("10 minutes", "10 minutes", Some(600 * SECOND)),
        ("10m", "10 minutes", Some(600 * SECOND)),
        ("1h30m", "1 hour 30 minutes", Some(5400 * SECOND)),
        ("90s", "1 minute 30 seconds", Some(90 * SECOND)),
        ("500ms", "500 milliseconds", Some(500_000)),
        ("interval 1 Day 2 HOURS", "1 day 2 hours", Some(26 * HOUR)),
        ("2 weeks", "14 days", Some(14 * DAY)),
        ("1w", "7 days", Some(7 * DAY)),
        ("1.5 seconds", "1.5 seconds", Some(1_500_000)),
        ("250us", "250 microseconds", Some(250)),
        ("-1 day", "-1 day", Some(-DAY)),
        ("1 month", "1 month", None),
        ("14 months", "1 year 2 months", None),
        ("0s", "0 seconds", Some(0)),
        (
            "-1 hour -30 minutes -0.25 seconds",
            "-1 hour -30 minutes -250 milliseconds",
            Some(-5_400_250_000),
        ),
    ] {
        let duration: Duration = given.parse().unwrap();
        assert_eq!(duration.to_string(), shown, "{given}");
        assert_eq!(duration.as_micros(), micros, "{given}");
        assert_eq!(shown.parse::<Duration>().unwrap(), duration, "{shown}");
    }
    assert_eq!(
        "1 month".parse::<Duration>().unwrap().as_micros_watermark(),
        31 * DAY
    );
}

#[test]
fn a_bad_duration_says_what_is_wrong_and_how_to_write_it() {
    let why = |text: &str| text.parse::<Duration>().unwrap_err().to_string();
    let like = "write it like '10 minutes', '1 hour 30 minutes' or '10m'";
    assert_eq!(
        why("10 minuts"),
        format!("'10 minuts': unknown unit 'minuts': {like}")
    );
    assert_eq!(why("10"), format!("'10': a number without a unit: {like}"));
    assert_eq!(
        why("ten minutes"),
        format!("'ten minutes': expected a number at 'ten minutes': {like}")
    );
    assert_eq!(why(""), format!("'': no duration: {like}"));
    assert_eq!(why("interval"), format!("'interval': no duration: {like}"));
    assert_eq!(
        why("1.5 hours"),
        format!("'1.5 hours': only seconds take a fraction: {like}")
    );
    assert_eq!(
        why("99999999999 days"),
        format!("'99999999999 days': the number before 'days' is too long: {like}")
    );
    assert_eq!(
        why("5 m m"),
        format!("'5 m m': expected a number at 'm': {like}")
    );
}

#[test]
fn a_refused_pattern_says_why() {
    let why = |text: &str| text.parse::<ReadPattern>().unwrap_err().to_string();
    assert_eq!(
        why("YYYY-ww"),
        "datetime pattern 'YYYY-ww': the week-based letter Y is not supported: use extract(… from …) instead"
    );
    assert_eq!(
        why("E d"),
        "datetime pattern 'E d': illegal pattern character: E can only be written"
    );
    assert_eq!(
        why("MMMMM"),
        "datetime pattern 'MMMMM': too many pattern letters: M"
    );
    assert_eq!(
        why("yyyy-MM-ddTHH"),
        "datetime pattern 'yyyy-MM-ddTHH': unknown pattern letter: T"
    );
    assert_eq!(
        why("yyyy'T"),
        "datetime pattern 'yyyy'T': a quote has no end"
    );
}

#[test]
fn windows_are_aligned_to_the_epoch() {
    let starts = |ts, size, slide, offset| windows(ts, size, slide, offset).collect::<Vec<_>>();
    assert_eq!(
        starts(1_736_937_000_000_001, 10 * MINUTE, 10 * MINUTE, 0),
        [1_736_937_000_000_000]
    );
    assert_eq!(starts(25, 10, 5, 0), [20, 25]);
    assert_eq!(starts(24, 10, 5, 0), [15, 20]);
    assert_eq!(starts(-1, 10, 10, 0), [-10]);
    assert_eq!(starts(-10, 10, 5, 0), [-15, -10]);
    assert_eq!(starts(3, 10, 10, 4), [-6]);
    assert_eq!(starts(4, 10, 10, 14), [4]);
    // The slide need not divide the size: two windows or three.
    assert_eq!(starts(6, 7, 3, 0), [0, 3, 6]);
    assert_eq!(starts(8, 7, 3, 0), [3, 6]);
    // A slide longer than the size leaves holes.
    assert_eq!(starts(7, 5, 10, 0), []);
    // Seven days start on Thursdays.
    assert_eq!(
        spark(starts(ts("2025-01-15", Zone::UTC), 7 * DAY, 7 * DAY, 0)[0]),
        "2025-01-09 00:00:00"
    );
    assert_eq!(windows(25, 10, 5, 0).len(), 2);
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 1024,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_window_holds_its_instant_and_none_is_missing(ts in -1000i64..1000, size in 1i64..40, slide in 1i64..40, offset in -50i64..50) {
        let all: Vec<i64> = (-2000..2000)
            .filter(|start: &i64| (start - offset).rem_euclid(slide) == 0 && *start <= ts && ts < start + size)
            .collect();
        prop_assert_eq!(windows(ts, size, slide, offset).collect::<Vec<_>>(), all);
    }

    /// What 64 bits divide is what 128 bits divide, to the ends of time.
    #[test]
    fn windows_stand_the_same_at_the_ends_of_time(
        ts in prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), i64::MIN..i64::MIN + 50, i64::MAX - 50..i64::MAX],
        size in prop_oneof![1..i64::MAX, Just(i64::MAX), 1..1000i64],
        slide in prop_oneof![1..i64::MAX, Just(i64::MAX), 1..1000i64],
        offset in prop_oneof![any::<i64>(), Just(i64::MIN), -50..50i64],
    ) {
        let phase = (i128::from(ts) - i128::from(offset)).rem_euclid(i128::from(slide)) as i64;
        let last = ts.saturating_sub(phase);
        prop_assert_eq!(window_start(ts, slide, offset), last);
        let since = i128::from(ts) - i128::from(last);
        let left = match i128::from(size) - since {
            1.. => (i128::from(size) - since - 1) / i128::from(slide) + 1,
            _ => 0,
        };
        let found = windows(ts, size, slide, offset);
        prop_assert_eq!(found.len() as i128, left);
        let first = i128::from(last) - (left - 1) * i128::from(slide);
        if left > 0 {
            prop_assert_eq!(found.take(1).last(), Some(first.max(i64::MIN.into()) as i64));
        }
    }

    #[test]
    fn every_instant_has_one_text(micros in any::<i64>(), east in -18 * 3600..=18 * 3600i32) {
        let written = text(|out| write_iso(out, micros, Zone::UTC));
        prop_assert_eq!(parse_timestamp(written.as_bytes(), Zone::Fixed(east)), Some(micros));
        let local = text(|out| write_iso(out, micros / 2, Zone::Fixed(east)));
        prop_assert_eq!(parse_timestamp(local.as_bytes(), Zone::UTC), Some(micros / 2));
        let parts = parts_of(micros, Zone::UTC);
        prop_assert_eq!(from_parts(&parts, Zone::UTC), Some(micros));
    }

    #[test]
    fn texts_agree_with_another_calendar(millis in 0i64..253_402_300_800_000) {
        let micros = millis * 1000;
        let other = chrono::DateTime::from_timestamp_millis(millis).unwrap();
        let other = other.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        prop_assert_eq!(text(|out| write_iso(out, micros, Zone::UTC)), other);
    }

    #[test]
    fn dates_agree_with_another_calendar(days in -90_000_000i32..90_000_000) {
        use chrono::Datelike;
        let date = chrono::NaiveDate::from_num_days_from_ce_opt(days + 719_163).unwrap();
        prop_assert_eq!(civil_of(days), Civil { year: date.year(), month: date.month() as u8, day: date.day() as u8 });
        prop_assert_eq!(days_of(date.year(), date.month(), date.day()), Some(days));
        prop_assert_eq!(iso_week(days), (date.iso_week().year(), date.iso_week().week()));
        prop_assert_eq!(day_of_year(days), date.ordinal());
        prop_assert_eq!(iso_weekday(days), date.weekday().number_from_monday());
    }

    #[test]
    fn a_local_time_and_back(seconds in -3_000_000_000i64..8_000_000_000, index in 0..4usize) {
        let zone = zone(["Europe/Paris", "America/Sao_Paulo", "Australia/Lord_Howe", "America/New_York"][index]);
        let micros = seconds * SECOND;
        let back = zone.to_utc(zone.to_local(micros)).unwrap();
        // The same instant, or the earlier one of a double hour.
        prop_assert!(back == micros || back < micros && zone.to_local(back) == zone.to_local(micros));
    }

    #[test]
    fn any_text_is_survived(chars in prop::collection::vec(prop::sample::select("0129-+:. TZzé[]'yMdHXVGMTa".chars().collect::<Vec<_>>()), 0..24)) {
        let text = chars.into_iter().collect::<String>();
        let _ = (parse_timestamp(text.as_bytes(), Zone::UTC), parse_date(text.as_bytes()));
        let _ = parse_timestamp(format!("2025-01-15 10:20:30{text}").as_bytes(), Zone::UTC);
        let _ = (text.parse::<Duration>(), parse_zone(&text), text.parse::<WritePattern>());
        if let Ok(pattern) = text.parse::<ReadPattern>() {
            let _ = pattern.read("2025-01-15T10:30:00.000+01:00 Europe/Paris", Zone::UTC);
        }
        for pattern in ["yyyy-MM-dd[ HH:mm:ss[.SSS]][XXX]", "yMd HH'h'VV", "hhmma z", "O ZZZZ X"] {
            let _ = pattern.parse::<ReadPattern>().unwrap().read(&text, Zone::UTC);
        }
    }
}
