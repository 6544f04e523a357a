//! Whose an option is: who gives one to the wrong tool of a pipeline is told the right one.

const SOURCE: &str = "the source (st-tail, st-rate, st-listen)";

/// Options that not every tool has, by who has them.
const OWNERS: &[(&str, &str)] = &[
    (
        SOURCE,
        "available-now max-rows-per-trigger max-bytes-per-trigger stop-after heartbeat drain branch explain",
    ),
    (
        "st-tail",
        "schema follow from max-files-per-trigger latest-first recursive clean-source skip-lost quote escape comment ignore-leading-white-space ignore-trailing-white-space column-name-of-corrupt-record merge-schema base-path multi-line",
    ),
    (
        "st-rate",
        "rows-per-second ramp-up rows-per-batch advance rows start-time",
    ),
    (
        "st-listen",
        "connect no-reconnect include-timestamp max-clients",
    ),
    ("st-tail or st-listen", "format max-line"),
    ("st-map", "where set select drop rename else through"),
    ("st-window", "session offset as"),
    ("st-agg", "agg mode order-by limit"),
    ("st-dedup", "within-watermark forever"),
    ("st-fold", "init update on-timer ttl"),
    (
        "a stage that keeps state (st-agg, st-dedup, st-fold)",
        "by late",
    ),
    (
        "st-sink",
        "file table partition-by overwrite append num-rows truncate vertical live no-header compression ignore-null-fields empty progress",
    ),
    (
        "st-join",
        "how on using right-schema right-format right-table",
    ),
    ("st-tee", "keep-going"),
    ("st-ps", "json last"),
    ("st-ps or st-top", "all"),
    ("st-top", "interval sort once"),
    ("st-ui", "port bind token-file"),
];

/// Options of two tools that mean different things.
const SHARED: [(&str, &str); 10] = [
    ("checkpoint", "the source, which tells the stages behind it"),
    ("plain", "the stages behind a source"),
    (
        "tz",
        "the stages that read times; ST_TZ in the environment is for all",
    ),
    (
        "idle-timeout",
        "st-watermark, where it moves the watermark on, or st-listen, where it closes connections",
    ),
    ("timestamp-format", "st-tail, or st-sink csv and json"),
    ("date-format", "st-tail, or st-sink csv and json"),
    ("null-value", "st-tail or st-sink csv"),
    ("header", "st-tail or st-sink csv"),
    ("sep", "st-tail or st-sink csv"),
    (
        "trigger",
        "the source, or on plain input to the stage that waits for batches",
    ),
];

/// Spark's words for options that have another name here.
const SPARKS: [(&str, &str); 6] = [
    ("output-mode", "st-agg, as --mode"),
    ("outputMode", "st-agg, as --mode"),
    ("checkpoint-location", "the source, as --checkpoint"),
    ("checkpointLocation", "the source, as --checkpoint"),
    ("processing-time", "the source, as --trigger"),
    ("query-name", "st-sink, as --name or --table"),
];

/// Who has the option `--name`, if some tool but this one does.
pub(crate) fn owner(option: &str) -> Option<&'static str> {
    let name = option.strip_prefix("--")?;
    let owned = OWNERS
        .iter()
        .find(|(_, options)| options.split(' ').any(|option| option == name));
    let named = SHARED.iter().chain(&SPARKS);
    owned.map(|(owner, _)| *owner).or_else(|| {
        named
            .into_iter()
            .find(|(other, _)| *other == name)
            .map(|(_, owner)| *owner)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_told_whose_it_is() {
        assert_eq!(owner("--mode"), Some("st-agg"));
        assert_eq!(owner("--outputMode"), Some("st-agg, as --mode"));
        assert_eq!(owner("--nonsense"), None);
        assert_eq!(owner("mode"), None);
    }
}
